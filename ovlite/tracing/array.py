"""Traced: the array that stands for a tensor of the model while a function is traced."""

from __future__ import annotations

import inspect
import operator
import sys
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .. import opset16
from ..errors import TraceError

ops: Any = opset16
_FOREIGN = (str(Path(__file__).parent.parent), str(Path(np.__file__).parent))

# What makes nodes of a ufunc's operands, which are of the types of its loop; and of a function's arguments.
UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}
FUNCTIONS: dict[Any, Callable[..., Any]] = {}
# Methods of arrays that are numpy's functions of the same name.
METHODS = frozenset({
    "all", "any", "argmax", "argmin", "argsort", "clip", "cumsum", "diagonal", "dot", "max", "mean", "min", "prod",
    "ravel", "repeat", "round", "squeeze", "std", "sum", "swapaxes", "take", "trace", "var",
})  # fmt: skip


def place() -> str:
    """The file and the line of the user's code that is being traced."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((*_FOREIGN, "<")):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def refuse(why: str, where: str = "") -> NoReturn:
    """Raises TraceError, which begins with a line of the user's code: the one that is being traced."""
    raise TraceError(f"{where or place()}: {why}")


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of which only shape and dtype are known.

    What is written to it in place gives it another output. memory: the array on whose memory numpy would have it, or
    itself if it has its own, None for an argument, which is never written; views: of this array that may be alive.
    """

    __slots__ = ("__weakref__", "dtype", "index", "memory", "shape", "stale", "value", "views")
    __class__: Any = np.ndarray  # for functions that ask isinstance(x, np.ndarray)
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    memory: Traced | None
    index: Any  # the array and the index that the array is a view by
    stale: Any  # the view that was written instead, why the array can't be read any more, and the line of that
    value: Any
    views: list[weakref.ref[Traced]]

    def __init__(self, output: Any, dtype: Any) -> None:
        """output: of a node of static shape, whose element type is that of `dtype`."""
        shape = tuple(int(length) for length in output.shape)
        self.become(
            value=output, dtype=known(np.dtype(dtype)), shape=shape, memory=self, index=None, stale=None, views=[]
        )

    def become(self, **values: Any) -> None:
        """Sets attributes."""
        for name, value in values.items():
            super().__setattr__(name, value)

    @property
    def output(self) -> Any:
        """The output of a node that gives the elements."""
        if self.stale:
            refuse(*self.stale[1:])
        return self.value

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        refuse(f"an assignment to the array's {name} can't be traced; make a new array with reshape or astype")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def T(self) -> Any:
        return np.transpose(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        kept = {name: value for name, value in kwargs.items() if value is not None}
        (out,) = kept.pop("out", (None,))
        if out is not None:
            made = self.__array_ufunc__(ufunc, method, *inputs, **kwargs | {"out": None})
            return WRITE[1](ufunc, made, out)
        if method == "reduce" and ufunc in REDUCE:
            return REDUCE[ufunc](*inputs, **{"axis": kwargs.get("axis", 0), **kept})
        if method != "__call__" or ufunc not in UFUNCS:
            name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            refuse(f"numpy.{name} can't be traced")
        if kept:
            refuse(f"{ufunc.__name__} is traced without {', '.join(kept)}")
        return UFUNCS[ufunc](*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in FUNCTIONS:
            refuse(f"{function.__module__}.{function.__name__} can't be traced")
        kept = {name: value for name, value in kwargs.items() if value is not np._NoValue}
        if kept.pop("out", None) is not None:
            refuse(f"{function.__name__} writes in place, which can't be traced; use its result instead of out=")
        try:
            inspect.signature(FUNCTIONS[function]).bind(*args, **kept)
        except TypeError as error:
            refuse(f"{function.__name__} is traced without some of its arguments: {error}")
        return _with_views(function, FUNCTIONS[function](*args, **kept), args)

    def __getattr__(self, name: str) -> Any:
        if name == "reshape":
            return self._reshape
        if name == "transpose":
            return self._transpose
        if name in METHODS:
            return partial(getattr(np, name), self)
        if name == "flatten":
            return partial(np.ravel, self.copy())
        if name == "fill":
            return partial(self.__setitem__, ...)
        if name == "mT":
            return np.matrix_transpose(self)
        if name in ("real", "conj", "conjugate"):
            return self if name == "real" else self.copy
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a traced array has no attribute {name!r}")
        refuse(f"the array's {name} can't be traced")

    def _reshape(self, *shape: Any, **kwargs: Any) -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, **kwargs)

    def _transpose(self, *axes: Any) -> Any:
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def astype(self, dtype: Any, order: Any = "K", casting: Any = "unsafe", subok: Any = True, copy: Any = True) -> Any:
        """The elements converted as numpy converts them; what is out of an integer's range is undefined in both."""
        if not np.can_cast(self.dtype, dtype, casting):
            raise TypeError(
                f"Cannot cast array data from {self.dtype!r} to {np.dtype(dtype)!r} by the rule {casting!r}"
            )
        found = convert(self, np.dtype(dtype))
        return found.copy() if found is self and copy else found

    def copy(self, order: Any = "C") -> Traced:
        return Traced(self.output, self.dtype)

    def __getitem__(self, index: Any) -> Any:
        return GETITEM[0](self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        WRITE[0](self, index, value)

    def viewed_by(self, view: Traced, index: Any = None) -> Traced:
        """The view, which writes reach that are made to this array."""
        if view is not self:
            view.become(memory=self.memory, index=(self, index))
            if self.memory is not None:
                self.memory.views.append(weakref.ref(view))
        return view

    def _write_model(self, compiled: Any, inputs: Any) -> Any:
        """What a compiled model asks of inputs that are no arrays."""
        return WRITE_MODEL[0](compiled, inputs)

    def __pow__(self, other: Any) -> Any:
        return np.square(self) if type(other) is int and other == 2 else np.power(self, other)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return iter([self[position] for position in range(len(self))])

    def __bool__(self) -> bool:
        refuse("the branch depends on elements, which are not known while tracing; use np.where")

    def _number(self) -> NoReturn:
        refuse("a Python number of an element is not known while tracing")

    __int__ = __float__ = __index__ = __complex__ = item = tolist = _number

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        refuse(
            "this needs the elements of an array, which are not known while tracing; numpy's functions take the array "
            "itself, and a list of arrays as one of np.stack; arrays to be written come from np.zeros_like, those that "
            "are indexed by a traced one are arguments"
        )

    def __repr__(self) -> str:
        return f"<traced {self.dtype} of shape {list(self.shape)}>"


def _in_place(name: str) -> Callable[[Traced, Any], Any]:
    """x += y: numpy's scalars are bound anew, arrays are written."""
    written, plain = getattr(np.lib.mixins.NDArrayOperatorsMixin, f"__i{name.rstrip('_')}__"), getattr(operator, name)

    def method(self: Traced, other: Any) -> Any:
        scalar = not self.shape and self.memory is self
        return plain(self, other) if scalar else written(self, other)

    return method


for _name in (
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "and_", "or_", "xor",
):  # fmt: skip
    setattr(Traced, f"__i{_name.rstrip('_')}__", _in_place(_name))

VIEWS: set[Any] = {
    np.reshape, np.ravel, np.squeeze, np.expand_dims, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.flip,
    np.matrix_transpose, np.diagonal, np.atleast_1d, np.atleast_2d, np.broadcast_to, np.broadcast_arrays, np.split,
    np.array_split, np.flipud, np.fliplr, np.rot90, np.linalg.matrix_transpose,
}  # fmt: skip
OF_EACH = {np.atleast_1d, np.atleast_2d, np.broadcast_arrays}


def _with_views(function: Any, found: Any, args: Any) -> Any:
    """A function's results, which know whose views they may be; arrays of their own if they are none."""
    parts = found if isinstance(found, (list, tuple)) else [found]
    if function not in VIEWS or not args:
        if isinstance(found, Traced) and any(found is arg for arg in args):
            return found.copy()
        for part in parts:
            if isinstance(part, Traced):
                part.become(memory=part)
        return found
    for place, part in enumerate(parts):
        of = args[place if function in OF_EACH else 0]
        if isinstance(of, Traced):
            of.viewed_by(part)
    return found


WRITE: list[Callable[..., Any]] = []  # of elements; of a ufunc's result to out=
REDUCE: dict[np.ufunc, Callable[..., Any]] = {}
GETITEM: list[Callable[..., Any]] = []
WRITE_MODEL: list[Callable[..., Any]] = []


def dtype_of(value: Any) -> Any:
    """The dtype for promotion: of a Python number its type, which is weak (NEP 50)."""
    if isinstance(value, Traced):
        return value.dtype
    if type(value) in (int, float, bool, complex):
        return np.dtype(bool) if type(value) is bool else type(value)
    return np.asarray(value).dtype


def known(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in native order, when tensors of models can have it; raises TraceError otherwise."""
    if dtype.kind not in "biuf" or dtype.itemsize > 8 or dtype.isbuiltin == 2:
        refuse(f"arrays of {dtype} can't be traced; bool, integers, float16, float32 and float64 can")
    return np.dtype(f"{dtype.kind}{dtype.itemsize}")  # C has two names for integers of one size


def lift(value: Any, dtype: Any = None) -> Traced:
    """Any operand as a Traced, a constant if it is an array or a number; converted to `dtype` where one is given."""
    if isinstance(value, Traced):
        return value if dtype is None else convert(value, np.dtype(dtype))
    refuse_subclass(value)
    if isinstance(value, (list, tuple)) and any(isinstance(part, Traced) for part in value):
        stacked: Any = np.stack([lift(part) for part in value])
        return lift(stacked, dtype)
    array = np.asarray(value, dtype)
    array = array.astype(known(array.dtype), copy=False)
    return Traced(ops.constant(array).output(0), array.dtype)


def refuse_subclass(value: Any) -> None:
    """Raises TraceError for arrays with a meaning of their own, such as masked ones."""
    if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap):
        refuse(f"an array of type {type(value).__name__} can't be traced; plain arrays can")


def constant_of(x: Traced) -> Any:
    """The elements of a constant; None for what is computed."""
    node = x.output.get_node()
    return node.data if node.get_type_name() == "Constant" else None


def convert(x: Traced, dtype: np.dtype[Any]) -> Traced:
    """x in another dtype."""
    dtype = known(dtype)
    if x.dtype == dtype:
        return x
    if dtype.kind == "b":
        return Traced(ops.not_equal(x.output, np.zeros((), x.dtype)).output(0), dtype)
    return Traced(ops.convert(x.output, dtype.type).output(0), dtype)


def nodes(name: str, count: int, *inputs: Any, **attributes: Any) -> list[Any]:
    """The outputs of a node made by a factory of the newest opset."""
    parts = [part.output if isinstance(part, Traced) else part for part in inputs]
    made = getattr(ops, name)(*parts, **attributes)
    return [made.output(index) for index in range(count)]


def node(name: str, *inputs: Any, **attributes: Any) -> Any:
    """The first output of such a node."""
    return nodes(name, 1, *inputs, **attributes)[0]


def traces(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers how calls of numpy's functions are traced."""

    def register(traced: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(functions, traced))
        return traced

    return register


def axes_of(axis: Any, rank: int) -> list[int]:
    """The axes that an `axis` argument names; raises numpy's AxisError."""
    given = range(rank) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return sorted(int(found) for found in np.lib.array_utils.normalize_axis_tuple(given, rank))

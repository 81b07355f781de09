"""compile_function() and jit()."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable
from functools import update_wrapper
from itertools import count
from typing import Any

import numpy as np

from .. import opset16
from ..errors import OVTypeError
from ..graph import Model
from ..records import dataclass
from ..runtime.compiled_model import CompiledModel
from ..runtime.core import Core
from ..runtime.infer_request import InferRequest
from . import functions as functions  # each registers how it is traced
from . import indexing as indexing
from . import linear_algebra as linear_algebra
from . import models as models
from . import ordering as ordering
from . import reductions as reductions
from . import shapes as shapes
from . import ufuncs as ufuncs
from . import writing as writing
from .array import Traced, lift
from .trees import Spec, put_together, take_apart

MOST = 128  # specialisations that a function keeps
OPTIONS = {"share_inputs", "share_outputs", "out"}
# As numpy computes: with denormal numbers, and every product in its own type.
CONFIG = {"CPU_DENORMALS_OPTIMIZATION": False, "EXECUTION_MODE_HINT": "ACCURACY"}


@dataclass
class _Special:
    """The function for arguments of one description. results: the description of what it returns. used: the number of
    the last call.
    """

    model: Model
    compiled: CompiledModel
    results: Spec
    used: int = 0


class Pending:
    """A run that start_async() began."""

    def __init__(self, request: InferRequest, results: Spec) -> None:
        self._request, self._results = request, results

    def wait(self) -> Any:
        """Waits for the run and returns what the function returns. Raises RuntimeError for a run that failed."""
        self._request.wait()
        tensors = self._request.output_tensors
        return put_together(self._results, [np.array(tensor.data)[()] for tensor in tensors])


class CompiledFunction:
    """A function of numpy arrays that runs as models, one for each description of its arguments.

    Arrays, also within tuples, lists and dicts, are inputs, by dtype and shape; all other arguments are constants by
    value, as are the arrays of globals and closures, whose elements are read when the function is traced. The results
    have the dtypes and shapes that numpy gives; float16 is computed in float32 and rounded at the end. What does not
    depend on the arguments, random numbers too, is computed once, when the function is traced. numpy's warnings are
    not given.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        if taken := OPTIONS & _parameters(function):
            raise OVTypeError(f"the call has a parameter of its own named {min(taken)}; rename that of the function")
        self.function = function
        self._known: dict[Spec, _Special] = {}
        self._plain: dict[Any, _Special] = {}  # those of arrays alone, with one result, by dtypes and shapes
        self._calls = count(1)
        self._lock = threading.RLock()
        update_wrapper(self, function)

    def __call__(
        self, *args: Any, share_inputs: bool = True, share_outputs: bool = False, out: Any = None, **kwargs: Any
    ) -> Any:
        """What the function returns, in new arrays; numpy scalars for results without dimensions.

        share_inputs, share_outputs: as in CompiledModel.__call__; share_outputs=True returns views that the next call
        changes. out: an array for the only array of the results, or a list of arrays for each.
        Raises TraceError, with the file and line, for what can't be traced.
        """
        key: Any = (
            () if kwargs else tuple([(arg.dtype, arg.shape) if type(arg) is np.ndarray else None for arg in args])
        )
        plain = self._plain.get(key)
        if plain is not None:
            plain.used = next(self._calls)
            result: Any = plain.compiled(list(args), share_inputs, share_outputs, out=out)[0]
            return result if out is not None or share_outputs else result[()]
        arrays: list[Any] = []
        spec = take_apart((args, kwargs), arrays)
        if any(isinstance(array, Traced) for array in arrays):
            return self.function(*args, **kwargs)
        special = self._special(spec)
        found = special.compiled(arrays, share_inputs, share_outputs, out=out)
        results = [found[position] for position in range(len(special.compiled.outputs))]
        if key and None not in key and special.results[0] == "array" and all(dtype.isnative for dtype, _ in key):
            self._plain[key] = special
        kept = out is not None or share_outputs
        return put_together(special.results, results if kept else [array[()] for array in results])

    def start_async(self, *args: Any, share_inputs: bool = False, **kwargs: Any) -> Pending:
        """Begins a run on a request of its own; wait() of what is returned gives the results."""
        arrays: list[Any] = []
        special = self._special(take_apart((args, kwargs), arrays))
        request = special.compiled.create_infer_request()
        request.start_async(arrays, share_inputs=share_inputs)
        return Pending(request, special.results)

    def model(self, *args: Any, **kwargs: Any) -> Model:
        """The model for such arguments. Its inputs are the arrays in order, its outputs the arrays of the results."""
        return self._special(take_apart((args, kwargs), [])).model

    def _special(self, spec: Spec) -> _Special:
        with self._lock:
            if spec not in self._known:
                made = _trace(self.function, spec)
                if len(self._known) >= MOST:
                    oldest = min(self._known, key=lambda known: self._known[known].used)
                    gone = self._known.pop(oldest)
                    self._plain = {key: special for key, special in self._plain.items() if special is not gone}
                self._known[spec] = made
            self._known[spec].used = next(self._calls)
            return self._known[spec]

    def __reduce__(self) -> Any:
        """By name where it stands in a module under its own, else with the function, as far as that can be pickled."""
        module = sys.modules.get(self.__module__)
        name = getattr(self.function, "__name__", "")
        named = self.__module__ != "__main__" and getattr(module, name, None) is self
        return name if named else (CompiledFunction, (self.function,))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        raise OVTypeError(
            f"{self.function.__qualname__} is compiled as a method, whose object is no array; compile a bound method "
            "(self.run = ov.jit(self.run)), or a function of what it reads of the object"
        )


def _trace(function: Callable[..., Any], spec: Spec) -> _Special:
    """Runs the function on traced arrays and compiles what it does."""
    parameters = [opset16.parameter(list(shape), dtype) for dtype, shape in _arrays(spec)]
    traced = [Traced(node.output(0), dtype) for node, (dtype, _) in zip(parameters, _arrays(spec), strict=True)]
    for argument in traced:
        argument.become(memory=None)
    args, kwargs = put_together(spec, traced)
    found: list[Any] = []
    results = take_apart(function(*args, **kwargs), found)
    outputs = [lift(array).output for array in found]
    name = getattr(function, "__name__", type(function).__name__)
    model = Model([opset16.result(output) for output in outputs], parameters, name)
    return _Special(model, Core().compile_model(model, "CPU", CONFIG), results)


def _parameters(function: Callable[..., Any]) -> set[str]:
    """Names of a Python function's parameters; numpy's own are called without those that have our names."""
    return set(inspect.signature(function).parameters) if hasattr(function, "__code__") else set()


def _arrays(spec: Any) -> list[tuple[Any, Any]]:
    """(dtype, shape) of each array of a description, in order."""
    if spec[0] == "array":
        return [spec[1:]]
    if spec[0] == "static":
        return []
    parts = [part for _, part in spec[1:]] if spec[0] is dict else spec[1:]
    return [found for part in parts for found in _arrays(part)]


def jit(function: Callable[..., Any]) -> CompiledFunction:
    """Decorator: the function is traced and compiled at its first call with arguments of new dtypes or shapes."""
    return CompiledFunction(function)


def compile_function(function: Callable[..., Any], *examples: Any, **named: Any) -> CompiledFunction:
    """The function, compiled for arguments like the examples now, and for others when it is called with them.

    Raises TraceError, with the file and line, for what can't be traced.
    """
    compiled = CompiledFunction(function)
    if examples or named:
        compiled.model(*examples, **named)
    return compiled

"""Constants: the tensors that a model holds."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import dataclass
from ..types import PartialShape, Shape, Strides, Type
from .elements import decode, encode
from .hooks import hooks
from .node import Node
from .operator import Argument, Array, Operator, PartialValue, TensorType
from .ports import Output

_FORMS = "Constant(array, shared_memory=False), Constant(tensor, shared_memory=True) or Constant(type, shape, values)"


@dataclass(frozen=True)
class ConstantOp(Operator):
    """A tensor that the model holds."""

    type = "Constant"


_OPERATOR = ConstantOp()


class Constant(Node):
    """A tensor of a model.

    Constant(array, shared_memory=False)    a copy, or the own memory, C-contiguous and writable, of an array or of
                                            what shows its elements as arrays do
    Constant(tensor, shared_memory=True)    a Tensor's memory, or a copy
    Constant(type, shape, values)           a list of numbers or str in C order; one value fills the shape

    array: its elements, in the dtype of element_type.to_dtype(). bf16 is bits viewed as float16; types of
    less than a byte are packed into a flat array, and strings are an object array of str or UTF-8 bytes.
    stored: the same where they lie, which in a mapped file need not be aligned; to ask for array copies those.
    file_offset: where the elements lie in the weights of the IR that they were read from; None for all others.
    """

    file_offset: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._become(*_content(args, kwargs))
        super().__init__(_OPERATOR, [], None)

    @classmethod
    def of(
        cls,
        array: Array,
        element_type: Type | None = None,
        shape: Sequence[int] | None = None,
        name: str | None = None,
    ) -> Constant:
        """The constant of elements as they are stored, on their own memory."""
        node = cls.__new__(cls)
        node._become(array, Type(array.dtype) if element_type is None else element_type, shape)
        Node.__init__(node, _OPERATOR, [], name)
        return node

    def _become(self, array: Array, element_type: Type, shape: Sequence[int] | None) -> None:
        self.stored: Array = np.asarray(array)
        self._element_type = element_type
        self._shape = tuple(self.stored.shape if shape is None else shape)

    @property
    def array(self) -> Array:
        if not self.stored.flags.aligned:
            self.stored = self.stored.copy()
        return self.stored

    @property
    def _packed(self) -> bool:
        return 0 < self._element_type.bitwidth < 8

    @property
    def data(self) -> Array:
        """The elements, read-only; packed bytes for types of less than a byte, for strings a copy."""
        if self._element_type is Type.string:
            return np.array([_text(item).encode() for item in self.array.ravel().tolist()], "S").reshape(self._shape)
        seen = self.array.view() if self._packed else self.array.reshape(self._shape)
        seen.flags.writeable = False
        return seen

    def get_data(self, *, dtype: npt.DTypeLike | None = None, copy: bool = False) -> Array:
        """The elements as `data` has them, which is what a dtype of the stored elements asks for too.

        With another dtype they are converted to it, unpacked, which takes a copy.
        """
        if dtype is None or np.dtype(dtype) == self.stored.dtype:
            return self.data.copy() if copy else self.data
        with np.errstate(all="ignore"):
            return constant_array(self).astype(dtype)

    @property
    def tensor_view(self) -> Any:
        """A Tensor on the constant's memory."""
        return hooks().tensor_of(self)

    def get_tensor_view(self) -> Any:
        return self.tensor_view

    def get_vector(self) -> Array:
        """A copy of the elements in one dimension, an element each also where they are packed."""
        if self._element_type.bitwidth >= 8:
            return self.array.ravel().copy()
        return constant_array(self).ravel()

    def get_value_strings(self) -> list[str]:
        """The elements as text; whole numbers without a point."""
        return [_text(element) for element in constant_array(self).ravel().tolist()]

    def get_byte_size(self) -> int:
        return int(self.stored.nbytes)

    @property
    def strides(self) -> Strides:
        """Bytes between neighbours along each dimension; RuntimeError for packed elements."""
        return self.get_strides()

    def get_strides(self) -> Strides:
        if self._packed:
            raise RuntimeError(f"elements of {self._element_type.name} are packed; there are no strides in bytes")
        return Strides(self.array.reshape(self._shape).strides)

    def get_attributes(self) -> dict[str, Any]:
        return {"element_type": self._element_type.get_type_name(), "shape": list(self._shape)}

    def _infer(self, arguments: Sequence[Argument]) -> Sequence[TensorType]:
        return [TensorType(self._element_type, PartialShape(self._shape))]

    def infer(self) -> None:
        if not self._outputs:
            self._outputs.append(Output(self, 0))
        (found,) = self._infer([])
        self._outputs[0].become(found, None)
        stored = self.stored
        if stored.shape == self._shape and stored.dtype.kind in "biuf" and self._element_type is not Type.bf16:
            self._outputs[0].partial = PartialValue.of(stored)

    def copy(self, sources: Sequence[Output]) -> Constant:
        twin = Constant.of(self.stored, self._element_type, self._shape, self._friendly_name)
        twin.file_offset = self.file_offset
        self._copy_names(twin)
        return twin

    def release_pages(self) -> None:
        """Gives back the memory of the pages of a mapped file that its elements alone lie in."""
        release_pages_of(self.stored)


class ScaledConstant(Constant):
    """A constant whose elements are those of another one times factors that broadcast to them, computed in f64 and
    anew each time that they are asked for: what is packed once need not stay in memory beside its packed form.
    """

    def __init__(self, array: Array, factors: Array) -> None:
        self._array = array
        self._factors = factors
        self._element_type = Type(array.dtype)
        self._shape = tuple(array.shape)
        Node.__init__(self, _OPERATOR, [], None)

    @property
    def parts(self) -> tuple[Array, Array]:
        """The other constant's elements, and the factors."""
        return self._array, self._factors

    @property
    def stored(self) -> Array:  # type: ignore[override]  # of other constants it is kept
        out = np.empty(self._array.shape, self._array.dtype)
        with np.errstate(all="ignore"):  # whatever the caller has set: also products of f32 that are too small
            found: Array = np.multiply(self._array, self._factors, out=out, dtype=np.float64, casting="same_kind")
        return found

    @property
    def array(self) -> Array:
        return self.stored

    def get_byte_size(self) -> int:
        return int(self._array.nbytes)

    def infer(self) -> None:
        if not self._outputs:
            self._outputs.append(Output(self, 0))
        self._outputs[0].become(TensorType(self._element_type, PartialShape(self._shape)), None)

    def copy(self, sources: Sequence[Output]) -> Constant:
        twin = ScaledConstant(self._array, self._factors)
        twin._friendly_name = self._friendly_name
        self._copy_names(twin)
        return twin

    def release_pages(self) -> None:
        release_pages_of(self._array)


def constant_array(node: Constant) -> Array:
    """A constant's elements in their compute dtype."""
    output = node.output(0)
    return decode(node.stored, output.element_type, tuple(output.shape))


def release_pages(nodes: Iterable[Node]) -> None:
    """Gives back the memory that pages of mapped files take in which constants lie; what is read again is fetched."""
    if not hasattr(mmap, "MADV_DONTNEED"):
        return
    found = [_mapping(node.stored) for node in nodes if isinstance(node, Constant)]
    for mapping in {id(mapping): mapping for mapping in found if mapping is not None}.values():
        mapping.madvise(mmap.MADV_DONTNEED)


def release_pages_of(array: Array) -> None:
    """The same of the pages that hold elements of one array alone."""
    mapping = _mapping(array) if array.nbytes > mmap.PAGESIZE else None
    if mapping is None or not array.flags.c_contiguous or not hasattr(mmap, "MADV_DONTNEED"):
        return
    start, address = (found.__array_interface__["data"][0] for found in (np.frombuffer(mapping, np.uint8), array))
    first = -((start - address) // mmap.PAGESIZE) * mmap.PAGESIZE
    length = (address - start + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE - first
    if length > 0:
        mapping.madvise(mmap.MADV_DONTNEED, first, length)


def _mapping(array: Array) -> mmap.mmap | None:
    """The mapped file that an array lies in, which nobody can have written to through it."""
    base = array.base
    while isinstance(base, np.ndarray):
        base = base.base
    mapping = base.obj if isinstance(base, memoryview) else None
    return mapping if isinstance(mapping, mmap.mmap) and memoryview(mapping).readonly else None


def weight_bytes(nodes: Iterable[Node]) -> int:
    """What the constants among the nodes take."""
    return sum(node.get_byte_size() for node in nodes if isinstance(node, Constant))


def _text(element: Any) -> str:
    """An element as OpenVINO spells it."""
    if isinstance(element, bytes):
        return element.decode(errors="replace")
    if isinstance(element, str):
        return element
    if not isinstance(element, float):
        return str(int(element))
    special = {"inf": "INFINITY", "-inf": "-INFINITY", "nan": "NAN"}
    return special.get(f"{element:g}", f"{element:g}")


def _content(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Array, Type, Sequence[int] | None]:
    """Interprets the arguments of Constant(): stored elements, their type and shape."""
    given = dict(kwargs)
    shared = given.pop("shared_memory", None)
    places = [*args, *given.values()]
    if len(places) == 2 and shared is None and not isinstance(places[0], Type):
        shared = places.pop()
    if len(places) == 1 and set(given) <= {"array", "tensor"}:
        storage = getattr(places[0], "_storage", None)  # of a Tensor, which is above the graph
        if storage is not None:
            return stored_in(storage, shared is None or bool(shared))
        shown = hooks().read_elements(places[0])
        if shown is not None:
            shape = places[0].shape if shown[1] is not None and shown[1].bitwidth < 8 else shown[0].shape
            return _of_array(*shown, bool(shared), shape)
    if len(places) == 3 and isinstance(places[0], Type) and isinstance(places[1], Shape) and not given:
        return _filled(places[0], tuple(places[1]), places[2])
    raise TypeError(f"a constant is {_FORMS}; an opset's constant() takes numbers and lists")


def _of_array(
    array: Array, element_type: Type | None, shared: bool, shape: tuple[int, ...]
) -> tuple[Array, Type, tuple[int, ...]]:
    element_type = element_type or Type(array.dtype)
    if element_type is Type.string:
        return array.astype(object), element_type, shape
    if not shared:
        return np.array(array, array.dtype.newbyteorder("="), order="C"), element_type, shape
    if not array.flags.c_contiguous or not array.dtype.isnative:
        raise RuntimeError("shared_memory needs a C-contiguous array in native byte order")
    if not array.flags.writeable:
        raise ValueError("shared_memory needs an array that is writeable")
    return array, element_type, shape


def stored_in(storage: Any, shared: bool) -> tuple[Array, Type, Sequence[int]]:
    """The elements of a Tensor's storage, on its memory where that is C-contiguous and may be shared."""
    array = storage.array if shared and storage.array.flags.c_contiguous else np.array(storage.array, order="C")
    return array, storage.element_type, storage.shape


def _filled(element_type: Type, shape: tuple[int, ...], values: Any) -> tuple[Array, Type, Sequence[int]]:
    """Elements from a list in C order. RuntimeError when there are too few or too many, or one is out of range."""
    if not isinstance(values, (Sequence, np.ndarray)) or isinstance(values, (str, bytes)) or np.ndim(values) != 1:
        raise TypeError("the values of a constant are a list of numbers or str")
    found = np.asarray(values)
    if found.size not in (1, prod(shape)):
        raise RuntimeError(
            f"expected {prod(shape)} values or one for a constant of shape {list(shape)}, got {found.size}"
        )
    elements = np.array(np.broadcast_to(found, prod(shape)) if found.size == 1 else found).reshape(shape)
    if element_type is Type.string:
        return elements.astype(object), element_type, shape
    if found.dtype.kind in "US":
        elements = elements.astype(element_type.to_dtype() if element_type.bitwidth >= 8 else np.int64)
    return encode(checked(elements, element_type), element_type), element_type, shape


def checked(values: Array, element_type: Type) -> Array:
    """The values themselves; RuntimeError when one is beyond the range of an integer type, or of the codes of nf4."""
    if element_type is Type.u1:
        return np.asarray(values != 0)
    codes = element_type is Type.nf4 and values.dtype.kind in "biu"
    if (element_type.integral_number or codes) and values.size:
        low = -(1 << (element_type.bitwidth - 1)) if element_type.signed and not codes else 0
        high = low + (1 << element_type.bitwidth) - 1
        if not (low <= values.min() and values.max() <= high):
            what = "a code" if codes else "a value"
            raise RuntimeError(f"{what} of {element_type.name} is at least {low} and at most {high}")
    return values

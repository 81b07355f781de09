"""Turns the calls of a stage into a program: steps, slots, and an arena."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from .. import kernels
from ..graph import Operator
from ..graph.failures import Subject
from ..graph.operator import Array
from ..kernels.runtime.executor import Program, PythonStep, Team
from ..kernels.runtime.step import BF16, Step, View
from .calls import Call, Tensor
from .memory import ALIGNMENT, Buffer, aligned, place
from .options import Precision
from .weight_cache import PackedWeightCache

CONTIGUITY_PADDING = 64  # bytes added to a pixel whose size would make a tile's rows collide in the cache
COLLIDING_BYTES = 2048

# An operator's outputs, without a kernel, by the team that is at hand.
Evaluation = Callable[[Sequence[Array], Team], Sequence[Array]]
# Emits the steps of a call and returns True, or returns False when no kernel takes it as it is.
Lowering = Callable[["Builder", Call], bool]


class Builder:
    """Collects the steps of one program.

    Each tensor gets a View when it is first asked for: constants and model ports on slots of their
    own, a tensor `within` another on a part of that one's, all others in the arena. precision: what
    kernels may be chosen. evaluation: what carries out an operator that no kernel takes.
    """

    def __init__(
        self,
        level: str,
        precision: Precision,
        packed_weights: PackedWeightCache,
        evaluation: Callable[[Operator], Evaluation],
    ) -> None:
        self.level = level
        self.precision = precision
        self.evaluation = evaluation
        self.packed_weights = packed_weights
        self.steps: list[Step] = []
        self.origins: list[str] = []  # of the steps: the node that each belongs to
        self.subjects: list[Subject] = []  # and what failures call it
        self.origin = ""
        self.subject = Subject("", "", ())
        self.views: dict[Tensor, View] = {}
        self.aliases: set[Tensor] = set()
        self._constants: dict[int, Array] = {}
        self._sizes: dict[int, int] = {}
        self._borders: dict[int, Tensor] = {}
        self._slots = 0
        self._beyond = 0  # bytes behind a buffer that a step reads, for nothing

    def family(self, name: str) -> ModuleType:
        """A family of kernels at the plan's level."""
        return kernels.family(name, self.level)

    def product_kernel(self, rows: int, columns: int, terms: int) -> Any:
        """The matrix kernel for products of f32 of this size, the best that the precision allows."""
        products, emulated = self.precision.products, self.precision.emulated
        if products is None:
            return self.matrix_kernel
        return self.family("matmul_weights").product_kernel(rows, columns, terms, products, emulated)

    @cached_property
    def matrix_kernel(self) -> Any:
        """The level's best matrix kernel for f32."""
        return self.family("matmul_weights").kernel_for("f32", "f32")

    @property
    def lanes(self) -> int:
        """Floats of a vector at the plan's level."""
        return int(self.matrix_kernel.columns) // 2

    def new_slot(self) -> int:
        self._slots += 1
        return self._slots - 1

    def port(self, dtype: np.dtype[Any], shape: Sequence[int]) -> View:
        """A view of a C-contiguous array of the caller's, on a slot of its own."""
        return View(self.new_slot(), dtype, shape)

    def scratch(self, dtype: np.dtype[Any], shape: Sequence[int]) -> View:
        """A view of memory in the arena that only the steps which name it use."""
        view = View(self.new_slot(), dtype, shape)
        self._sizes[view.slot] = view.size * np.dtype(dtype).itemsize
        return view

    def scratch_image(self, dtype: np.dtype[Any], shape: Sequence[int]) -> View:
        """The same, channels-last."""
        batch, channels, *spatial = shape
        place = self.scratch(dtype, (batch, *spatial, channels))
        return place.like(shape, (place.strides[0], 1, *place.strides[1:-1]))

    def view(self, tensor: Tensor) -> View:
        """View of a tensor."""
        view = self.views.get(tensor)
        if view is None:
            view = self.views[tensor] = self._place(tensor)
        return view

    def plain(self, tensor: Tensor) -> View:
        """View of a tensor in C order without gaps: of a copy where it lies otherwise."""
        view = self.view(tensor)
        if not view.contiguous:
            target = self.scratch(tensor.dtype, tensor.shape)
            self.copy(view, target)
            return target
        return view

    def in_arena(self, view: View) -> bool:
        """Whether a view lies in the arena, behind which a cache line more may be read."""
        return view.slot in self._sizes

    def wanted(self, tensor: Tensor) -> View | None:
        """View of a tensor; None when nobody reads it."""
        return self.view(tensor) if tensor.users or self.is_placed(tensor) else None

    def alias(self, tensor: Tensor, view: View) -> None:
        """Lets a tensor lie where another one does."""
        self.views[tensor] = view

    def is_placed(self, tensor: Tensor) -> bool:
        """True when where the tensor lies is decided, so that it must be written there."""
        return tensor in self.views or tensor.within is not None

    def _place(self, tensor: Tensor) -> View:
        if tensor.origin is not None:
            slot = self.new_slot()
            self._constants[slot] = np.asarray(tensor.elements(), order="C").reshape(tensor.shape)
            return View(slot, tensor.dtype, tensor.shape)
        if tensor.within is not None:
            parent, channel = tensor.within
            whole = self.view(parent)
            offset = whole.offset + channel * whole.strides[1] * tensor.dtype.itemsize
            return View(whole.slot, tensor.dtype, tensor.shape, whole.strides, offset)
        slot = self.new_slot()
        if tensor.image:
            return self._place_image(slot, tensor)
        self._sizes[slot] = tensor.size * tensor.dtype.itemsize
        return View(slot, tensor.dtype, tensor.shape)

    def _place_image(self, slot: int, tensor: Tensor) -> View:
        """A channels-last view with the tensor's border around it."""
        batch, channels, *spatial = tensor.shape
        itemsize = tensor.dtype.itemsize
        border = tensor.border or ((0, 0),) * len(spatial)
        strides, offset, step, bordered = [0] * len(spatial), 0, channels, False
        if channels * itemsize % COLLIDING_BYTES == 0:
            step += CONTIGUITY_PADDING // itemsize
        for i in range(len(spatial) - 1, -1, -1):
            begin, end = border[i]
            strides[i] = step
            if begin or end:
                bordered = True
            offset += begin * step
            step *= begin + spatial[i] + end
        self._sizes[slot] = batch * step * itemsize
        if bordered:
            self._borders[slot] = tensor
        return View(slot, tensor.dtype, tensor.shape, (step, 1, *strides), offset * itemsize)

    def emit(self, step: Step) -> None:
        """Appends a step; the border of an image is written before the first step that writes or reads the image.

        An image without elements is not written at all, and what reads it finds the border alone.
        """
        for view in (*step.writes, *step.reads) if self._borders else ():
            tensor = self._borders.pop(view.slot, None)
            if tensor is not None and tensor.fill is not None:
                self._fill_border(tensor, tensor.fill)
        self._append(step)

    def fill_border(self, tensor: Tensor, value: View | int) -> None:
        """Writes a value around the image that a tensor lies within, if it is not there already."""
        whole = tensor.whole
        if whole.fill is None and any(begin or end for begin, end in whole.border):
            self.view(whole)
            self._fill_border(whole, value)

    def _fill_border(self, whole: Tensor, value: View | int | Array) -> None:
        begin, end = zip(*whole.border, strict=True)
        if whole.dtype == BF16:
            value = np.zeros((), BF16)
        self._append(self.family("copy").FillBorder(self.views[whole], begin, end, value))

    def _append(self, step: Step) -> None:
        self.steps.append(step)
        self._beyond = max(self._beyond, step.beyond)
        self.origins.append(self.origin)
        self.subjects.append(self.subject)

    def interpret(self, call: Call) -> None:
        """Appends a step that Python carries out, without a kernel."""
        reads = [self.view(tensor) for tensor in call.inputs]
        writes = [self.view(tensor) for tensor in call.outputs]
        self.emit(PythonStep(f"{call.op.type} {call.name}", self.evaluation(call.op), reads, writes))

    def copy(self, source: View, target: View) -> None:
        """Appends a copy, with a conversion when the dtypes differ."""
        if source.dtype == target.dtype:
            self.emit(self.family("copy").Copy(source, target))
        else:
            self.emit(self.family("elementwise").Convert(source, target))

    def finish(self) -> Program:
        """The program; buffers that are never live together share memory."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for index, step in enumerate(self.steps):
            for view in (*step.reads, *step.writes):
                slot = view.slot
                if slot not in first:
                    first[slot] = index
                last[slot] = index
        buffers = [
            Buffer(slot, max(1, size), first[slot], last[slot]) for slot, size in self._sizes.items() if slot in first
        ]
        offsets, total = place(buffers)
        flush = self.precision.flush_denormals
        total += aligned(max(self._beyond, ALIGNMENT))  # scratch memory follows
        return Program(self.steps, self._slots, self._constants, offsets, total, flush, self.subjects)

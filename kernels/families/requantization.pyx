# cython: wraparound=True
"""What turns the integer sums of products into their results: see requantize.h."""

import itertools

import numpy as np

from ovlite.kernels.runtime.stages import merged_stages
from ovlite.kernels.runtime.step cimport View, first_element

from .activation cimport activation_from_tuple, activation_names

cdef enum:
    LINE = 64                  # bytes of a cache line
    MOST_GIVEN = 8             # stages, which make twice as many when they are merged

RESIDUALS = {"float32": F32, "uint8": U8, "int8": I8}


cdef class Requantizer:
    """How integer sums become the results `y`, see requantize.h.

    groups: (how many, columns of each, columns of each filled up to whole vectors). shifts (i32), scales and bias
    (f32): one for each column. multiplier, zero: of results that are bytes. stages: at most MOST_GIVEN tuples, which
    are applied in order:
        ("round", scale, zero, low, high)    to the byte round(value / scale) + zero, cut to low .. high, and back
        ("add", scale, zero)                 plus (residual - zero) * scale, once; of f32, u8 or i8
        ("scale", scales, biases)            times and plus an f32 of each column
        (activation, alpha, beta)            see activation.pxd
    """

    def __init__(self, View y not None, tuple groups, *, shifts, scales, bias=None, View residual=None, stages=(),
                 multiplier=1.0, zero=0):
        cdef Requantization* to = &self.requantization
        cdef int index
        self.groups = groups
        self.arrays = []
        to.bytes = y.dtype.itemsize == 1
        to.is_signed = y.dtype == np.int8
        to.zero = zero
        limits = np.iinfo(np.int8 if y.dtype == np.int8 else np.uint8)
        to.low, to.high = limits.min, limits.max
        check_stages(stages, residual)
        for values in (scales, bias, *itertools.chain(*[operands for kind, *operands in stages if kind == "scale"])):
            if values is not None:
                check_columns(values, groups)
        if residual is not None:
            to.residual_type = RESIDUALS[residual.dtype.name]
        (_, first, offset), *steps = merged_stages(scales, bias, stages, multiplier if to.bytes else 1)
        to.shift = <const int*>self.column_array(shifts, np.int32)
        to.scale = <const float*>self.column_array(first, np.float32)
        to.bias = <const float*>self.column_array(offset, np.float32) if np.any(offset) else NULL
        to.stages = len(steps)
        for index, (kind, *operands) in enumerate(steps):
            self.set_stage(&to.stage[index], kind, tuple(operands))
        self.fold_clamp()

    cdef int set_stage(self, Stage* stage, str kind, tuple operands) except -1:
        """One of merged_stages()."""
        if kind == "round":
            stage.kind = STAGE_ROUND
            stage.low, stage.high = operands
        elif kind == "add":
            stage.kind = STAGE_ADD
            stage.step, = operands
        elif kind == "scale":
            scales, biases = [np.broadcast_to(values, self.groups[0] * self.groups[1]) for values in operands]
            stage.kind = STAGE_SCALE
            stage.scale = <const float*>self.column_array(scales, np.float32)
            stage.bias = <const float*>self.column_array(biases, np.float32)
        else:
            stage.kind = STAGE_ACTIVATE
            stage.activation = activation_from_tuple((kind, *operands))
        return 0

    cdef int fold_clamp(self) except -1:
        """A clamp right before the rounding to bytes is a part of that."""
        cdef Requantization* to = &self.requantization
        if not to.stages or not to.bytes:
            return 0
        kind, low, high = activation_as_tuple(&to.stage[to.stages - 1])
        if kind != "clamp" or not low <= high:
            return 0
        to.low, to.high = np.clip(
            np.rint(np.asarray((low, high), np.float32)) + to.zero, to.low, to.high)
        to.stages -= 1
        return 0

    cdef int set_zero_point(self, View zero, column_sums) except -1:
        """The zero point of the left operand where it is an operand of one byte, by which the sums of the weights'
        columns are multiplied."""
        if zero.dtype != np.uint8 or zero.size != 1:
            raise ValueError(f"expected a zero point of one uint8, got {zero.dtype.name} {zero.shape}")
        self.zero_point.span = zero.span
        self.zero_point.column_sums = <const int*>self.column_array(column_sums, np.int32)
        self.zero_point.columns = self.groups[0] * self.groups[2]
        self.zero_bytes = (self.zero_point.columns * sizeof(int) + LINE - 1) // LINE * LINE
        return 0

    cdef const char* column_array(self, values, dtype) except NULL:
        """One value a column as (groups, columns filled up with zeros). ValueError for another count."""
        cdef const float[:, ::1] reals
        cdef const int[:, ::1] integers
        padded = padded_columns(values, dtype, self.groups)
        self.arrays.append(padded)
        if dtype is np.int32:
            integers = padded
            return first_element(integers)
        reals = padded
        return first_element(reals)


def check_types(View x, View y, View other=None):
    """The element types of a product of u8 by i8; other: the right operand where both are i16, known at run time."""
    wanted = np.uint8 if other is None else np.int16
    for view in (x, other):
        if view is not None and view.dtype != wanted:
            raise TypeError(f"expected {wanted.__name__} operands, got {view.dtype.name}")
    if y.dtype.name not in ("float32", "uint8", "int8"):
        raise TypeError(f"expected a result of float32, uint8 or int8, got {y.dtype.name}")


def check_stages(stages, View residual):
    if len(stages) > MOST_GIVEN:
        raise ValueError(f"expected at most {MOST_GIVEN} stages, got {len(stages)}")
    if (residual is not None) != ([kind for kind, *_ in stages].count("add") == 1):
        raise ValueError("expected one residual for a stage that adds it")
    if residual is not None and residual.dtype.name not in RESIDUALS:
        raise TypeError(f"expected a residual of float32, uint8 or int8, got {residual.dtype.name}")


cdef tuple activation_as_tuple(const Stage* stage):
    """(name, alpha, beta) of a stage; no name where it is no activation."""
    if stage.kind != STAGE_ACTIVATE:
        return None, 0.0, 0.0
    return activation_names()[stage.activation.kind - 1], stage.activation.alpha, stage.activation.beta


def check_columns(values, tuple groups):
    if np.shape(values) != (groups[0] * groups[1],):
        raise ValueError(f"expected one value for each of {groups[0] * groups[1]} columns, got {np.shape(values)}")


def padded_columns(values, dtype, tuple groups):
    """One value a column as (groups, columns filled up with zeros); groups: see Requantizer. ValueError for another
    count. Values that fill all columns are not copied.
    """
    count, columns, filled = groups
    values = np.asarray(values, dtype)
    check_columns(values, groups)
    if columns == filled:
        ready = values.flags.c_contiguous and values.flags.aligned
        return (values if ready else np.require(values, requirements="CA")).reshape(count, filled)
    padded = np.zeros((count, filled), dtype)
    padded[:, :columns] = values.reshape(count, columns)
    return padded

"""Small models of every kind of kernel, drawn at random, and what numpy makes of them.

The operator reads its input as it came, or as a convolution, a Transpose, a Slice, a Split or a Concat leaves it, and a
convolution or a Transpose may read what it writes.
"""

import numpy as np

import ovlite as ov
import ovlite.opset15 as ops
from ovlite.errors import ModelError
from ovlite.ops.interpreter import evaluate_model

SPATIAL = [0, 1, 1, 1, 2, 3, 4, 5, 8]
CHANNELS = [1, 1, 2, 3, 4, 8, 16, 17, 33]


def shape_of(x):
    """The shape of a node's first output, or of an output."""
    return tuple((x if isinstance(x, ov.Output) else x.output(0)).shape)


class Draw:
    """A model that is being drawn. values: of the inputs so far."""

    def __init__(self, rng):
        self.rng = rng
        self.parameters = []
        self.values = []

    def size(self, sizes, count=None):
        found = tuple(int(size) for size in self.rng.choice(sizes, 1 if count is None else count))
        return found[0] if count is None else found

    def one_of(self, *choices):
        return choices[int(self.rng.integers(len(choices)))]

    def flag(self):
        return bool(self.rng.integers(2))

    def parameter(self, values):
        self.parameters.append(ops.parameter(list(values.shape), values.dtype))
        self.values.append(values)
        return self.parameters[-1]

    def noise(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def image(self, spatial=None):
        count = spatial or self.one_of(1, 2, 2, 2, 3)
        return self.size([0, 1, 1, 2]), self.size(CHANNELS), *self.size(SPATIAL, count)

    def any_shape(self, least=1):
        return self.size([*SPATIAL, 17, 33], self.one_of(*range(least, 5)))

    def input(self, shape):
        """A node of f32 of this shape, that lies in memory in one of several ways."""
        ways = ["plain", "transposed", "sliced", "reversed", "split", "joined"]
        ways += ["image"] * 4 if 3 <= len(shape) <= 5 else []
        way, rank = self.one_of(*ways), len(shape)
        axis = int(self.rng.integers(rank)) if rank else 0
        wider = [size + (d == axis) * 2 for d, size in enumerate(shape)]
        if way == "image":
            channels = self.size([1, 2, 3, 17])
            x = self.parameter(self.noise(shape[0], channels, *shape[2:]))
            return self.pointwise(x, shape[1], channels, len(shape) - 2)
        if way == "transposed":
            order = [int(d) for d in self.rng.permutation(rank)]
            x = self.parameter(self.noise(*[shape[d] for d in order]))
            return ops.transpose(x, [order.index(d) for d in range(rank)])
        if way == "sliced":
            return ops.slice(self.parameter(self.noise(*wider)), [1], [1 + shape[axis]], [1], [axis])
        if way == "reversed":
            return ops.slice(self.parameter(self.noise(*shape)), [-1], [-99], [-1], [axis])
        if way == "split":
            parts = ops.variadic_split(self.parameter(self.noise(*wider)), axis, [1, shape[axis], 1])
            return parts.output(1)
        if way == "joined":
            x = self.parameter(self.noise(*shape))
            joined = ops.concat([x, ops.relu(x)], axis)
            return ops.slice(joined, [0], [2 * shape[axis]], [2], [axis])
        return self.parameter(self.noise(*shape))

    def pointwise(self, x, columns, channels, count):
        ones, zeros = [1] * count, [0] * count
        return ops.convolution(x, self.noise(columns, channels, *ones), ones, zeros, zeros, ones)

    def output(self, node):
        """What reads the node."""
        shape = shape_of(node)
        way = self.one_of("none", "relu", "transposed", "convolved", "joined")
        if node.get_element_type() != ov.Type.f32 or way == "none" or not len(shape):
            return node
        if way == "relu":
            return ops.relu(node)
        if way == "transposed":
            return ops.transpose(node, list(range(len(shape)))[::-1])
        if way == "joined":
            return ops.concat([node, node, ops.abs(node)], int(self.rng.integers(len(shape))))
        if not 3 <= len(shape) <= 5:
            return node
        count = len(shape) - 2
        if self.flag():
            return self.pointwise(node, self.size(CHANNELS), shape[1], count)
        weights = self.noise(self.size(CHANNELS), shape[1], *[3] * count)
        pads = list(self.size([1, 1, 2, 3], count))
        return ops.convolution(node, weights, [1] * count, pads, pads, [1] * count)

    def windows(self, count):
        """(strides, dilations, pads_begin, pads_end, kernel)."""
        kernel = self.size([1, 2, 3, 4, 7], count)
        dilations = self.size([1, 1, 1, 2, 3], count)
        reach = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
        pads = [[int(self.rng.integers(r + 1)) for r in reach] for _ in range(2)]
        return list(self.size([1, 1, 2, 3, 5], count)), list(dilations), *pads, list(kernel)


def max_pool(draw):
    x = draw.input(draw.image())
    strides, dilations, begin, end, kernel = draw.windows(len(shape_of(x)) - 2)
    rounding, padding = draw.one_of("floor", "ceil", "ceil_torch"), draw.one_of("explicit", "same_upper", "valid")
    return ops.max_pool(x, strides, dilations, begin, end, kernel, rounding, padding).output(0)


def avg_pool(draw):
    x = draw.input(draw.image())
    strides, _, begin, end, kernel = draw.windows(len(shape_of(x)) - 2)
    rounding, padding = draw.one_of("floor", "ceil", "ceil_torch"), draw.one_of("explicit", "same_lower", "valid")
    return ops.avg_pool(x, strides, begin, end, kernel, draw.flag(), rounding, padding)


def convolution(draw):
    shape = draw.image()
    x, count = draw.input(shape), len(shape) - 2
    strides, dilations, begin, end, kernel = draw.windows(count)
    begin, end = ([pad + draw.size([0, 0, 0, 4]) for pad in pads] for pads in (begin, end))
    padding = draw.one_of("explicit", "explicit", "same_upper", "valid")
    way = draw.one_of("plain", "plain", "depthwise", "transposed")
    if way == "depthwise":
        weights = draw.noise(shape[1], 1, 1, *kernel)
        return ops.group_convolution(x, weights, strides, begin, end, dilations, padding)
    if way == "transposed":
        weights = draw.noise(shape[1], draw.size(CHANNELS), *kernel)
        return ops.convolution_backprop_data(
            x, weights, strides, pads_begin=begin, pads_end=end, dilations=dilations, auto_pad="explicit"
        )
    y = ops.convolution(x, draw.noise(draw.size(CHANNELS), shape[1], *kernel), strides, begin, end, dilations, padding)
    if draw.flag():
        part = [draw.one_of(1, size) for size in shape_of(y)]
        y = ops.add(y, draw.input(part))
    return y


def interpolate(draw):
    shape = draw.image()
    sizes = list(draw.size([1, 1, 2, 3, 5, 9], len(shape) - 2))
    mode = draw.one_of("nearest", "linear_onnx", "linear", "cubic")
    where = draw.one_of("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    return ops.interpolate(
        draw.input(shape), sizes, mode, "sizes", coordinate_transformation_mode=where,
        axes=list(range(2, len(shape))),
    )  # fmt: skip


def product(draw):
    m, k, n = draw.size([0, 1, 1, 2, 5, 17, 33], 3)
    batch = draw.size([0, 1, 1, 2, 3], draw.size([0, 0, 1, 2]))
    turned = draw.flag(), draw.flag()
    a = draw.input((*batch, *((k, m) if turned[0] else (m, k))))
    b = draw.input((*(draw.one_of(1, size) for size in batch), *((n, k) if turned[1] else (k, n))))
    y = ops.matmul(a, b, *turned)
    return ops.add(y, draw.input([draw.one_of(1, size) for size in shape_of(y)])) if draw.flag() else y


def element_wise(draw):
    shape = draw.any_shape()
    x = draw.input(shape)
    y = draw.input([draw.one_of(1, size) for size in shape][draw.size([0, 0, len(shape) - 1]) :])
    return ops.maximum(ops.multiply(ops.add(x, y), x), np.float32(0.5))


def reduction(draw):
    shape = draw.any_shape()
    axes = [d for d in range(len(shape)) if draw.flag()]
    name = draw.one_of("reduce_sum", "reduce_mean", "reduce_max", "reduce_l2", "reduce_min")
    return getattr(ops, name)(draw.input(shape), axes, draw.flag())


def normalization(draw):
    shape = draw.image()
    x = draw.input(shape)
    axes = [d for d in range(1, len(shape)) if draw.flag()] or [1]
    way = draw.one_of("mvn", "l2", "lrn", "groups")
    if way == "mvn":
        return ops.mvn(x, axes, draw.flag(), 0.1, draw.one_of("inside_sqrt", "outside_sqrt"))
    if way == "l2":
        return ops.normalize_l2(x, axes, 0.1, draw.one_of("add", "max"))
    if way == "lrn":
        return ops.lrn(x, axes[:1], 0.1, 0.75, 1.0, draw.size([1, 3, 5]))
    groups = draw.one_of(*[count for count in (1, 2, 4, shape[1]) if shape[1] % count == 0])
    return ops.group_normalization(x, draw.noise(shape[1]), draw.noise(shape[1]), groups, 0.1)


def along_an_axis(draw):
    shape = draw.any_shape()
    x, axis = draw.input(shape), int(draw.rng.integers(len(shape)))
    way = draw.one_of("softmax", "log_softmax", "cum_sum", "topk", "argmax")
    if way == "cum_sum":
        return ops.cum_sum(x, np.int64(axis), draw.flag(), draw.flag())
    if way in ("topk", "argmax"):
        k = min(1 if way == "argmax" else draw.size([0, 1, 2, 5]), shape[axis])
        found = ops.topk(x, np.int64(k), axis, draw.one_of("max", "min"), draw.one_of("value", "index"))
        return found.output(draw.size([0, 1]))
    return getattr(ops, way)(x, axis)


def indices(draw, length, shape):
    kind = draw.one_of(np.int32, np.int64)
    return draw.parameter(draw.rng.integers(-length, length, shape).astype(kind)) if length else None


def gathering(draw):
    shape = draw.size([size for size in SPATIAL if size], draw.size([1, 2, 3]))
    x, axis = draw.input(shape), int(draw.rng.integers(len(shape)))
    way = draw.one_of("gather", "elements", "tuples")
    if way == "gather":
        return ops.gather(x, indices(draw, shape[axis], draw.size([0, 1, 3], draw.size([0, 1, 2]))), np.int64(axis))
    if way == "elements":
        chosen = [draw.size([0, 1, 5]) if d == axis else size for d, size in enumerate(shape)]
        return ops.gather_elements(x, indices(draw, shape[axis], chosen), axis)
    return ops.gather_nd(x, indices(draw, min(shape), (draw.size([0, 1, 4]), draw.size(range(1, len(shape) + 1)))))


def scattering(draw):
    shape = draw.size([size for size in SPATIAL if size], draw.size([1, 2, 3]))
    x, axis = draw.input(shape), int(draw.rng.integers(len(shape)))
    way = draw.one_of("update", "elements", "tuples")
    if way == "update":
        count = draw.size([0, 1, 3])
        updates = draw.input((*shape[:axis], count, *shape[axis + 1 :]))
        return ops.scatter_update(x, indices(draw, shape[axis], (count,)), updates, np.int64(axis))
    if way == "elements":
        chosen = [draw.size([0, 1, shape[d]]) for d in range(len(shape))]
        where = indices(draw, shape[axis], chosen)
        return ops.scatter_elements_update(x, where, draw.input(chosen), np.int64(axis), draw.one_of("none", "sum"))
    count, length = draw.size([0, 1, 4]), draw.size(range(1, len(shape) + 1))
    updates = draw.input((count, *shape[length:]))
    return ops.scatter_nd_update(x, indices(draw, min(shape), (count, length)), updates)


def movement(draw):
    shape = draw.any_shape(2)
    rank, way = len(shape), draw.one_of("pad", "tile", "broadcast", "strided", "reshape", "concat", "blocks", "split")
    axis = int(draw.rng.integers(rank))
    if way == "pad":
        mode = draw.one_of("constant", "edge", "reflect", "symmetric")
        least = -1 if mode == "constant" else 0
        begin, end = ([int(draw.rng.integers(least, 3)) for _ in shape] for _ in range(2))
        return ops.pad(draw.input(shape), begin, end, mode, np.float32(3))
    if way == "tile":
        return ops.tile(draw.input(shape), list(draw.size([0, 1, 2, 3], rank)))
    if way == "broadcast":
        return ops.broadcast(draw.input([draw.one_of(1, size) for size in shape]), list(shape))
    if way == "strided":
        begin, end = ([int(draw.rng.integers(-9, 9)) for _ in shape] for _ in range(2))
        strides = [draw.one_of(1, 2, -1, -3) for _ in shape]
        return ops.slice(draw.input(shape), begin, end, strides)
    if way == "reshape":
        cut = int(draw.rng.integers(rank))
        return ops.reshape(draw.input(shape), [1, *shape[:cut], int(np.prod(shape[cut:], dtype=int)), 1], False)
    if way == "concat":
        parts = [[size if d != axis else draw.size([0, 1, 3]) for d, size in enumerate(shape)] for _ in range(3)]
        return ops.concat([draw.input(part) for part in parts], axis)
    if way == "split":
        whole = [size if d != axis else 7 for d, size in enumerate(shape)]
        return ops.variadic_split(draw.input(whole), axis, [2, 0, 5]).output(draw.size([0, 1, 2]))
    count, block = draw.size([1, 2, 3]), draw.size([1, 2, 3])
    mode, places = draw.one_of("blocks_first", "depth_first"), draw.size(SPATIAL, count)
    if draw.flag():
        return ops.depth_to_space(draw.input((1, 2 * block**count, *places)), mode, block)
    return ops.space_to_depth(draw.input((1, 3, *[size * block for size in places])), mode, block)


def recurrence(draw):
    batch, times, size, hidden = (
        draw.size([1, 2, 5]),
        draw.size([1, 2, 4]),
        draw.size([1, 3, 17]),
        draw.size([1, 4, 17]),
    )
    directions, gates = draw.size([1, 2]), draw.one_of(1, 3, 4)
    direction = "bidirectional" if directions == 2 else draw.one_of("forward", "reverse")
    lengths = draw.parameter(draw.rng.integers(0, times + 1, batch).astype(np.int32))
    states = [draw.input((batch, directions, hidden)) for _ in range(2 if gates == 4 else 1)]
    linear = gates == 3 and draw.flag()
    weights = (
        draw.noise(directions, gates * hidden, size),
        draw.noise(directions, gates * hidden, hidden),
        draw.noise(directions, (gates + linear) * hidden),
    )
    x = draw.input((batch, times, size))
    if gates == 3:
        node = ops.gru_sequence(x, *states, lengths, *weights, hidden, direction, linear_before_reset=linear)
    else:
        node = (ops.lstm_sequence if gates == 4 else ops.rnn_sequence)(x, *states, lengths, *weights, hidden, direction)
    return node.output(draw.size([0, 1]))


KINDS = [
    max_pool, avg_pool, convolution, interpolate, product, element_wise, reduction, normalization, along_an_axis,
    gathering, scattering, movement, recurrence,
]  # fmt: skip


def drawn_model(kind, rng):
    """(model, values of its inputs, expected outputs), or None for what the operators refuse."""
    draw = Draw(rng)
    try:
        result = draw.output(kind(draw))
        model = ov.Model([result], draw.parameters, kind.__name__)
        return model, draw.values, evaluate_model(model, draw.values)
    except (ModelError, RuntimeError, ValueError):
        return None

from typing import Any

from .graph import Node
from .ops.building import tensor_iterator as tensor_iterator
from .ops.model_ports import constant as constant, parameter as parameter, result as result
from .opset2 import (
    abs as abs,
    absolute as absolute,
    acos as acos,
    add as add,
    asin as asin,
    atan as atan,
    avg_pool as avg_pool,
    batch_norm_inference as batch_norm_inference,
    batch_to_space as batch_to_space,
    binary_convolution as binary_convolution,
    ceil as ceil,
    ceiling as ceiling,
    clamp as clamp,
    concat as concat,
    convert as convert,
    convert_like as convert_like,
    convolution as convolution,
    convolution_backprop_data as convolution_backprop_data,
    cos as cos,
    cosh as cosh,
    ctc_greedy_decoder as ctc_greedy_decoder,
    deformable_convolution as deformable_convolution,
    deformable_psroi_pooling as deformable_psroi_pooling,
    depth_to_space as depth_to_space,
    detection_output as detection_output,
    divide as divide,
    elu as elu,
    equal as equal,
    erf as erf,
    exp as exp,
    fake_quantize as fake_quantize,
    floor as floor,
    floor_mod as floor_mod,
    gather as gather,
    gather_tree as gather_tree,
    gelu as gelu,
    greater as greater,
    greater_equal as greater_equal,
    grn as grn,
    group_convolution as group_convolution,
    group_convolution_backprop_data as group_convolution_backprop_data,
    hard_sigmoid as hard_sigmoid,
    interpolate as interpolate,
    less as less,
    less_equal as less_equal,
    log as log,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
    lrn as lrn,
    lstm_cell as lstm_cell,
    matmul as matmul,
    max_pool as max_pool,
    maximum as maximum,
    minimum as minimum,
    mod as mod,
    multiply as multiply,
    mvn as mvn,
    negative as negative,
    normalize_l2 as normalize_l2,
    not_equal as not_equal,
    one_hot as one_hot,
    pad as pad,
    power as power,
    prelu as prelu,
    prior_box as prior_box,
    prior_box_clustered as prior_box_clustered,
    proposal as proposal,
    psroi_pooling as psroi_pooling,
    range as range,
    reduce_logical_and as reduce_logical_and,
    reduce_logical_or as reduce_logical_or,
    reduce_max as reduce_max,
    reduce_mean as reduce_mean,
    reduce_min as reduce_min,
    reduce_prod as reduce_prod,
    reduce_sum as reduce_sum,
    region_yolo as region_yolo,
    relu as relu,
    reorg_yolo as reorg_yolo,
    reshape as reshape,
    reverse_sequence as reverse_sequence,
    roi_pooling as roi_pooling,
    select as select,
    selu as selu,
    sigmoid as sigmoid,
    sign as sign,
    sin as sin,
    sinh as sinh,
    softmax as softmax,
    space_to_batch as space_to_batch,
    space_to_depth as space_to_depth,
    split as split,
    sqrt as sqrt,
    squared_difference as squared_difference,
    squeeze as squeeze,
    strided_slice as strided_slice,
    subtract as subtract,
    tan as tan,
    tanh as tanh,
    tile as tile,
    transpose as transpose,
    unsqueeze as unsqueeze,
    variadic_split as variadic_split,
)

def assign(new_value: Any, variable_id: Any, name: str | None = None) -> Node: ...
def broadcast(
    data: Any, target_shape: Any, axes_mapping: Any = None, broadcast_spec: Any = "NUMPY", name: str | None = None
) -> Node: ...
def bucketize(
    data: Any, buckets: Any, output_type: Any = "i64", with_right_bound: Any = True, name: str | None = None
) -> Node: ...
def cum_sum(arg: Any, axis: Any, exclusive: Any = False, reverse: Any = False, name: str | None = None) -> Node: ...
def cumsum(arg: Any, axis: Any, exclusive: Any = False, reverse: Any = False, name: str | None = None) -> Node: ...
def embedding_bag_offsets_sum(
    emb_table: Any,
    indices: Any,
    offsets: Any,
    default_index: Any = None,
    per_sample_weights: Any = None,
    name: str | None = None,
) -> Node: ...
def embedding_bag_packed_sum(
    emb_table: Any, indices: Any, per_sample_weights: Any = None, name: str | None = None
) -> Node: ...
def embedding_segments_sum(
    emb_table: Any,
    indices: Any,
    segment_ids: Any,
    num_segments: Any = None,
    default_index: Any = None,
    per_sample_weights: Any = None,
    name: str | None = None,
) -> Node: ...
def extract_image_patches(
    image: Any, sizes: Any, strides: Any, rates: Any, auto_pad: Any, name: str | None = None
) -> Node: ...
def gru_cell(
    X: Any,
    initial_hidden_state: Any,
    W: Any,
    R: Any,
    B: Any,
    hidden_size: Any,
    activations: Any = None,
    activations_alpha: Any = None,
    activations_beta: Any = None,
    clip: Any = 0.0,
    linear_before_reset: Any = False,
    name: str | None = None,
) -> Node: ...
def non_max_suppression(
    boxes: Any,
    scores: Any,
    max_output_boxes_per_class: Any = None,
    iou_threshold: Any = None,
    score_threshold: Any = None,
    box_encoding: Any = "corner",
    sort_result_descending: Any = True,
    output_type: Any = "i64",
    name: str | None = None,
) -> Node: ...
def non_zero(data: Any, output_type: Any = "i64", name: str | None = None) -> Node: ...
def read_value(init_value: Any, variable_id: Any, name: str | None = None) -> Node: ...
def rnn_cell(
    X: Any,
    initial_hidden_state: Any,
    W: Any,
    R: Any,
    B: Any,
    hidden_size: Any,
    activations: Any,
    activations_alpha: Any,
    activations_beta: Any,
    clip: Any = 0.0,
    name: str | None = None,
) -> Node: ...
def roi_align(
    data: Any,
    rois: Any,
    batch_indices: Any,
    pooled_h: Any,
    pooled_w: Any,
    sampling_ratio: Any,
    spatial_scale: Any,
    mode: Any,
    name: str | None = None,
) -> Node: ...
def scatter_elements_update(data: Any, indices: Any, updates: Any, axis: Any, name: str | None = None) -> Node: ...
def scatter_update(data: Any, indices: Any, updates: Any, axis: Any, name: str | None = None) -> Node: ...
def shape_of(data: Any, output_type: Any = "i64", name: str | None = None) -> Node: ...
def shuffle_channels(data: Any, axis: Any, group: Any, name: str | None = None) -> Node: ...
def topk(
    data: Any, k: Any, axis: Any, mode: Any, sort: Any, index_element_type: Any = "i32", name: str | None = None
) -> Node: ...

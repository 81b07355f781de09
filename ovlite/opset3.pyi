from typing import Any

from .graph import Node
from .ops.building import tensor_iterator as tensor_iterator
from .ops.model_ports import constant as constant
from .ops.model_ports import parameter as parameter
from .ops.model_ports import result as result
from .opset2 import abs as abs
from .opset2 import absolute as absolute
from .opset2 import acos as acos
from .opset2 import add as add
from .opset2 import asin as asin
from .opset2 import atan as atan
from .opset2 import avg_pool as avg_pool
from .opset2 import batch_norm_inference as batch_norm_inference
from .opset2 import batch_to_space as batch_to_space
from .opset2 import binary_convolution as binary_convolution
from .opset2 import ceil as ceil
from .opset2 import ceiling as ceiling
from .opset2 import clamp as clamp
from .opset2 import concat as concat
from .opset2 import convert as convert
from .opset2 import convert_like as convert_like
from .opset2 import convolution as convolution
from .opset2 import convolution_backprop_data as convolution_backprop_data
from .opset2 import cos as cos
from .opset2 import cosh as cosh
from .opset2 import ctc_greedy_decoder as ctc_greedy_decoder
from .opset2 import deformable_convolution as deformable_convolution
from .opset2 import deformable_psroi_pooling as deformable_psroi_pooling
from .opset2 import depth_to_space as depth_to_space
from .opset2 import detection_output as detection_output
from .opset2 import divide as divide
from .opset2 import elu as elu
from .opset2 import equal as equal
from .opset2 import erf as erf
from .opset2 import exp as exp
from .opset2 import fake_quantize as fake_quantize
from .opset2 import floor as floor
from .opset2 import floor_mod as floor_mod
from .opset2 import gather as gather
from .opset2 import gather_tree as gather_tree
from .opset2 import gelu as gelu
from .opset2 import greater as greater
from .opset2 import greater_equal as greater_equal
from .opset2 import grn as grn
from .opset2 import group_convolution as group_convolution
from .opset2 import group_convolution_backprop_data as group_convolution_backprop_data
from .opset2 import hard_sigmoid as hard_sigmoid
from .opset2 import interpolate as interpolate
from .opset2 import less as less
from .opset2 import less_equal as less_equal
from .opset2 import log as log
from .opset2 import logical_and as logical_and
from .opset2 import logical_not as logical_not
from .opset2 import logical_or as logical_or
from .opset2 import logical_xor as logical_xor
from .opset2 import lrn as lrn
from .opset2 import lstm_cell as lstm_cell
from .opset2 import matmul as matmul
from .opset2 import max_pool as max_pool
from .opset2 import maximum as maximum
from .opset2 import minimum as minimum
from .opset2 import mod as mod
from .opset2 import multiply as multiply
from .opset2 import mvn as mvn
from .opset2 import negative as negative
from .opset2 import normalize_l2 as normalize_l2
from .opset2 import not_equal as not_equal
from .opset2 import one_hot as one_hot
from .opset2 import pad as pad
from .opset2 import power as power
from .opset2 import prelu as prelu
from .opset2 import prior_box as prior_box
from .opset2 import prior_box_clustered as prior_box_clustered
from .opset2 import proposal as proposal
from .opset2 import psroi_pooling as psroi_pooling
from .opset2 import range as range
from .opset2 import reduce_logical_and as reduce_logical_and
from .opset2 import reduce_logical_or as reduce_logical_or
from .opset2 import reduce_max as reduce_max
from .opset2 import reduce_mean as reduce_mean
from .opset2 import reduce_min as reduce_min
from .opset2 import reduce_prod as reduce_prod
from .opset2 import reduce_sum as reduce_sum
from .opset2 import region_yolo as region_yolo
from .opset2 import relu as relu
from .opset2 import reorg_yolo as reorg_yolo
from .opset2 import reshape as reshape
from .opset2 import reverse_sequence as reverse_sequence
from .opset2 import roi_pooling as roi_pooling
from .opset2 import select as select
from .opset2 import selu as selu
from .opset2 import sigmoid as sigmoid
from .opset2 import sign as sign
from .opset2 import sin as sin
from .opset2 import sinh as sinh
from .opset2 import softmax as softmax
from .opset2 import space_to_batch as space_to_batch
from .opset2 import space_to_depth as space_to_depth
from .opset2 import split as split
from .opset2 import sqrt as sqrt
from .opset2 import squared_difference as squared_difference
from .opset2 import squeeze as squeeze
from .opset2 import strided_slice as strided_slice
from .opset2 import subtract as subtract
from .opset2 import tan as tan
from .opset2 import tanh as tanh
from .opset2 import tile as tile
from .opset2 import transpose as transpose
from .opset2 import unsqueeze as unsqueeze
from .opset2 import variadic_split as variadic_split

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

from typing import Any

from .graph import Node
from .ops.building import if_op as if_op
from .ops.building import loop as loop
from .ops.building import tensor_iterator as tensor_iterator
from .ops.model_ports import constant as constant
from .ops.model_ports import parameter as parameter
from .ops.model_ports import result as result
from .opset10 import abs as abs
from .opset10 import absolute as absolute
from .opset10 import acos as acos
from .opset10 import acosh as acosh
from .opset10 import adaptive_avg_pool as adaptive_avg_pool
from .opset10 import adaptive_max_pool as adaptive_max_pool
from .opset10 import add as add
from .opset10 import asin as asin
from .opset10 import asinh as asinh
from .opset10 import assign as assign
from .opset10 import atan as atan
from .opset10 import atanh as atanh
from .opset10 import avg_pool as avg_pool
from .opset10 import batch_norm_inference as batch_norm_inference
from .opset10 import batch_to_space as batch_to_space
from .opset10 import binary_convolution as binary_convolution
from .opset10 import broadcast as broadcast
from .opset10 import bucketize as bucketize
from .opset10 import ceil as ceil
from .opset10 import ceiling as ceiling
from .opset10 import clamp as clamp
from .opset10 import concat as concat
from .opset10 import convert as convert
from .opset10 import convert_like as convert_like
from .opset10 import convolution as convolution
from .opset10 import convolution_backprop_data as convolution_backprop_data
from .opset10 import cos as cos
from .opset10 import cosh as cosh
from .opset10 import ctc_greedy_decoder as ctc_greedy_decoder
from .opset10 import ctc_greedy_decoder_seq_len as ctc_greedy_decoder_seq_len
from .opset10 import ctc_loss as ctc_loss
from .opset10 import cum_sum as cum_sum
from .opset10 import cumsum as cumsum
from .opset10 import deformable_convolution as deformable_convolution
from .opset10 import deformable_psroi_pooling as deformable_psroi_pooling
from .opset10 import depth_to_space as depth_to_space
from .opset10 import detection_output as detection_output
from .opset10 import dft as dft
from .opset10 import divide as divide
from .opset10 import einsum as einsum
from .opset10 import elu as elu
from .opset10 import embedding_bag_offsets_sum as embedding_bag_offsets_sum
from .opset10 import embedding_bag_packed_sum as embedding_bag_packed_sum
from .opset10 import embedding_segments_sum as embedding_segments_sum
from .opset10 import equal as equal
from .opset10 import erf as erf
from .opset10 import exp as exp
from .opset10 import extract_image_patches as extract_image_patches
from .opset10 import eye as eye
from .opset10 import fake_quantize as fake_quantize
from .opset10 import floor as floor
from .opset10 import floor_mod as floor_mod
from .opset10 import gather as gather
from .opset10 import gather_elements as gather_elements
from .opset10 import gather_nd as gather_nd
from .opset10 import gather_tree as gather_tree
from .opset10 import gelu as gelu
from .opset10 import generate_proposals as generate_proposals
from .opset10 import greater as greater
from .opset10 import greater_equal as greater_equal
from .opset10 import grid_sample as grid_sample
from .opset10 import grn as grn
from .opset10 import group_convolution as group_convolution
from .opset10 import group_convolution_backprop_data as group_convolution_backprop_data
from .opset10 import gru_cell as gru_cell
from .opset10 import gru_sequence as gru_sequence
from .opset10 import hard_sigmoid as hard_sigmoid
from .opset10 import hsigmoid as hsigmoid
from .opset10 import hswish as hswish
from .opset10 import i420_to_bgr as i420_to_bgr
from .opset10 import i420_to_rgb as i420_to_rgb
from .opset10 import idft as idft
from .opset10 import irdft as irdft
from .opset10 import is_finite as is_finite
from .opset10 import is_inf as is_inf
from .opset10 import is_nan as is_nan
from .opset10 import less as less
from .opset10 import less_equal as less_equal
from .opset10 import log as log
from .opset10 import log_softmax as log_softmax
from .opset10 import logical_and as logical_and
from .opset10 import logical_not as logical_not
from .opset10 import logical_or as logical_or
from .opset10 import logical_xor as logical_xor
from .opset10 import lrn as lrn
from .opset10 import lstm_cell as lstm_cell
from .opset10 import lstm_sequence as lstm_sequence
from .opset10 import matmul as matmul
from .opset10 import matrix_nms as matrix_nms
from .opset10 import max_pool as max_pool
from .opset10 import maximum as maximum
from .opset10 import minimum as minimum
from .opset10 import mish as mish
from .opset10 import mod as mod
from .opset10 import multiclass_nms as multiclass_nms
from .opset10 import multiply as multiply
from .opset10 import mvn as mvn
from .opset10 import negative as negative
from .opset10 import non_max_suppression as non_max_suppression
from .opset10 import non_zero as non_zero
from .opset10 import normalize_l2 as normalize_l2
from .opset10 import not_equal as not_equal
from .opset10 import nv12_to_bgr as nv12_to_bgr
from .opset10 import nv12_to_rgb as nv12_to_rgb
from .opset10 import one_hot as one_hot
from .opset10 import pad as pad
from .opset10 import power as power
from .opset10 import prelu as prelu
from .opset10 import prior_box as prior_box
from .opset10 import prior_box_clustered as prior_box_clustered
from .opset10 import proposal as proposal
from .opset10 import psroi_pooling as psroi_pooling
from .opset10 import random_uniform as random_uniform
from .opset10 import range as range
from .opset10 import rdft as rdft
from .opset10 import read_value as read_value
from .opset10 import reduce_l1 as reduce_l1
from .opset10 import reduce_l2 as reduce_l2
from .opset10 import reduce_logical_and as reduce_logical_and
from .opset10 import reduce_logical_or as reduce_logical_or
from .opset10 import reduce_max as reduce_max
from .opset10 import reduce_mean as reduce_mean
from .opset10 import reduce_min as reduce_min
from .opset10 import reduce_prod as reduce_prod
from .opset10 import reduce_sum as reduce_sum
from .opset10 import region_yolo as region_yolo
from .opset10 import relu as relu
from .opset10 import reorg_yolo as reorg_yolo
from .opset10 import reshape as reshape
from .opset10 import reverse_sequence as reverse_sequence
from .opset10 import rnn_cell as rnn_cell
from .opset10 import rnn_sequence as rnn_sequence
from .opset10 import roi_align as roi_align
from .opset10 import roi_pooling as roi_pooling
from .opset10 import roll as roll
from .opset10 import round as round
from .opset10 import scatter_elements_update as scatter_elements_update
from .opset10 import scatter_nd_update as scatter_nd_update
from .opset10 import scatter_update as scatter_update
from .opset10 import select as select
from .opset10 import selu as selu
from .opset10 import shape_of as shape_of
from .opset10 import shuffle_channels as shuffle_channels
from .opset10 import sigmoid as sigmoid
from .opset10 import sign as sign
from .opset10 import sin as sin
from .opset10 import sinh as sinh
from .opset10 import slice as slice
from .opset10 import softmax as softmax
from .opset10 import softplus as softplus
from .opset10 import softsign as softsign
from .opset10 import space_to_batch as space_to_batch
from .opset10 import space_to_depth as space_to_depth
from .opset10 import split as split
from .opset10 import sqrt as sqrt
from .opset10 import squared_difference as squared_difference
from .opset10 import squeeze as squeeze
from .opset10 import strided_slice as strided_slice
from .opset10 import subtract as subtract
from .opset10 import swish as swish
from .opset10 import tan as tan
from .opset10 import tanh as tanh
from .opset10 import tile as tile
from .opset10 import transpose as transpose
from .opset10 import unique as unique
from .opset10 import unsqueeze as unsqueeze
from .opset10 import variadic_split as variadic_split

def interpolate(
    image: Any,
    scales_or_sizes: Any,
    mode: Any,
    shape_calculation_mode: Any,
    pads_begin: Any = None,
    pads_end: Any = None,
    coordinate_transformation_mode: Any = "half_pixel",
    nearest_mode: Any = "round_prefer_floor",
    antialias: Any = False,
    cube_coeff: Any = -0.75,
    axes: Any = None,
    name: str | None = None,
) -> Node: ...
def topk(
    data: Any,
    k: Any,
    axis: Any,
    mode: Any,
    sort: Any,
    index_element_type: Any = "i32",
    stable: Any = False,
    name: str | None = None,
) -> Node: ...

"""The attributes of ONNX's operators, their defaults, and the versions in which they changed.

Facts of the operators' definitions (onnx.ai/onnx/operators); a test holds them against the onnx package.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple


class Schema(NamedTuple):
    """An operator since a version of its domain. attributes: their defaults by name, None for one that has none."""

    since: int
    attributes: Mapping[str, Any]


def schema_of(domain: str, op_type: str, version: int) -> Schema | None:
    """The schema that holds in a version of a domain; None for an operator that isn't in the table.

    Versions before 7 of ONNX's own domain have none but those that still hold in 7.
    """
    found = [schema for schema in _schemas(domain, op_type) if schema.since <= version]
    return found[-1] if found else None


@cache
def _schemas(domain: str, op_type: str) -> list[Schema]:
    row = _rows().get((domain, op_type))
    return [_schema(text.split()) for text in row.split(" | ")] if row else []


@cache
def _rows() -> dict[tuple[str, str], str]:
    rows, domain = {}, ""
    for line in _TABLE.replace("\n  ", " ").split("\n"):
        op_type, _, row = line.partition(" ")
        if op_type == "domain":
            domain = "" if row == "ai.onnx" else row
        else:
            rows[domain, op_type] = row
    return rows


def _schema(words: list[str]) -> Schema:
    pairs = [word.partition("=") for word in words[1:]]
    return Schema(int(words[0]), {name: _value(text) if equals else None for name, equals, text in pairs})


def _value(text: str) -> Any:
    """A default: a list in brackets, a number, or a text."""
    if text.startswith("["):
        return [_value(item) for item in text[1:-1].split(",")] if text != "[]" else []
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


# A line an operator: its type, and per version the attributes, with their defaults. Versions are apart by bars.
_TABLE = """\
domain ai.onnx
Abs 6
Acos 7
Acosh 9
Add 7
AffineGrid 20 align_corners=0
And 7
ArgMax 1 axis=0 keepdims=1 | 12 axis=0 keepdims=1 select_last_index=0
ArgMin 1 axis=0 keepdims=1 | 12 axis=0 keepdims=1 select_last_index=0
Asin 7
Asinh 9
Atan 7
Atanh 9
Attention 23 is_causal=0 kv_num_heads q_num_heads qk_matmul_output_mode=0 scale softcap=0.0 softmax_precision | 25
  is_causal=0 kv_num_heads left_window_size=-1 q_num_heads qk_matmul_output_mode=0 right_window_size=-1 scale
  softcap=0.0 softmax_precision
AveragePool 7 auto_pad=NOTSET count_include_pad=0 kernel_shape pads strides | 10 auto_pad=NOTSET ceil_mode=0
  count_include_pad=0 kernel_shape pads strides | 19 auto_pad=NOTSET ceil_mode=0 count_include_pad=0 dilations
  kernel_shape pads strides
BatchNormalization 7 epsilon=1e-05 momentum=0.9 spatial=1 | 9 epsilon=1e-05 momentum=0.9 | 14 epsilon=1e-05
  momentum=0.9 training_mode=0
Bernoulli 15 dtype seed
BitCast 26 to
BitShift 11 direction
BitwiseAnd 18
BitwiseNot 18
BitwiseOr 18
BitwiseXor 18
BlackmanWindow 17 output_datatype=1 periodic=1
Cast 6 to | 19 saturate=1 to | 24 round_mode=up saturate=1 to
CastLike 15 | 19 saturate=1 | 24 round_mode=up saturate=1
CausalConvWithState 27 activation=none
Ceil 6
Celu 12 alpha=1.0
CenterCropPad 18 axes
Clip 6 max=3.4028235e+38 min=-3.4028235e+38 | 11
Col2Im 18 dilations pads strides
Compress 9 axis
Concat 4 axis
ConcatFromSequence 11 axis new_axis=0
Constant 1 value | 11 sparse_value value | 12 sparse_value value value_float value_floats value_int value_ints
  value_string value_strings
ConstantOfShape 9 value
Conv 1 auto_pad=NOTSET dilations group=1 kernel_shape pads strides
ConvInteger 10 auto_pad=NOTSET dilations group=1 kernel_shape pads strides
ConvTranspose 1 auto_pad=NOTSET dilations group=1 kernel_shape output_padding output_shape pads strides
Cos 7
Cosh 9
CumProd 26 exclusive=0 reverse=0
CumSum 11 exclusive=0 reverse=0
DFT 17 axis=1 inverse=0 onesided=0 | 20 inverse=0 onesided=0
DeformConv 19 dilations group=1 kernel_shape offset_group=1 pads strides
DepthToSpace 1 blocksize | 11 blocksize mode=DCR
DequantizeLinear 10 | 13 axis=1 | 21 axis=1 block_size=0 | 23 axis=1 block_size=0 output_dtype=0
Det 11
Div 7
Dropout 7 ratio=0.5 | 12 seed
DynamicQuantizeLinear 11
Einsum 12 equation
Elu 6 alpha=1.0
Equal 7
Erf 9
Exp 6
Expand 8
EyeLike 9 dtype k=0
Flatten 1 axis=1
Floor 6
GRU 7 activation_alpha activation_beta activations clip direction=forward hidden_size linear_before_reset=0 | 14
  activation_alpha activation_beta activations clip direction=forward hidden_size layout=0 linear_before_reset=0
Gather 1 axis=0
GatherElements 11 axis=0
GatherND 11 | 12 batch_dims=0
Gelu 20 approximate=none
Gemm 7 alpha=1.0 beta=1.0 transA=0 transB=0
GlobalAveragePool 1
GlobalLpPool 2 p=2
GlobalMaxPool 1
Greater 7
GreaterOrEqual 12
GridSample 16 align_corners=0 mode=bilinear padding_mode=zeros | 20 align_corners=0 mode=linear padding_mode=zeros
GroupNormalization 18 epsilon=1e-05 num_groups | 21 epsilon=1e-05 num_groups stash_type=1
HammingWindow 17 output_datatype=1 periodic=1
HannWindow 17 output_datatype=1 periodic=1
HardSigmoid 6 alpha=0.2 beta=0.5
HardSwish 14
Hardmax 1 axis=1 | 13 axis=-1
Identity 1
If 1 else_branch then_branch
ImageDecoder 20 pixel_format=RGB
InstanceNormalization 6 epsilon=1e-05
IsInf 10 detect_negative=1 detect_positive=1
IsNaN 9
LRN 1 alpha=0.0001 beta=0.75 bias=1.0 size
LSTM 7 activation_alpha activation_beta activations clip direction=forward hidden_size input_forget=0 | 14
  activation_alpha activation_beta activations clip direction=forward hidden_size input_forget=0 layout=0
LayerNormalization 17 axis=-1 epsilon=1e-05 stash_type=1
LeakyRelu 6 alpha=0.01
Less 7
LessOrEqual 12
LinearAttention 27 chunk_size=64 kv_num_heads q_num_heads scale=0.0 update_rule=gated_delta
Log 6
LogSoftmax 1 axis=1 | 13 axis=-1
Loop 1 body
LpNormalization 1 axis=-1 p=2
LpPool 2 auto_pad=NOTSET kernel_shape p=2 pads strides | 18 auto_pad=NOTSET ceil_mode=0 dilations kernel_shape p=2
  pads strides
MatMul 1
MatMulInteger 10
Max 6
MaxPool 1 auto_pad=NOTSET kernel_shape pads strides | 8 auto_pad=NOTSET kernel_shape pads storage_order=0 strides | 10
  auto_pad=NOTSET ceil_mode=0 dilations kernel_shape pads storage_order=0 strides
MaxRoiPool 1 pooled_shape spatial_scale=1.0
MaxUnpool 9 kernel_shape pads strides
Mean 6
MeanVarianceNormalization 9 axes=[0,2,3]
MelWeightMatrix 17 output_datatype=1
Min 6
Mish 18
Mod 10 fmod=0
Mul 7
Multinomial 7 dtype=6 sample_size=1 seed
Neg 6
NegativeLogLikelihoodLoss 12 ignore_index reduction=mean
NonMaxSuppression 10 center_point_box=0
NonZero 9
Not 1
OneHot 9 axis=-1
Optional 15 type
OptionalGetElement 15
OptionalHasElement 15
Or 7
PRelu 7
Pad 2 mode=constant pads value=0.0 | 11 mode=constant
Pow 7
QLinearConv 10 auto_pad=NOTSET dilations group=1 kernel_shape pads strides
QLinearMatMul 10
QuantizeLinear 10 | 13 axis=1 | 19 axis=1 saturate=1 | 21 axis=1 block_size=0 output_dtype=0 saturate=1 | 23 axis=1
  block_size=0 output_dtype=0 precision=0 saturate=1
RMSNormalization 23 axis=-1 epsilon=1e-05 stash_type=1
RNN 7 activation_alpha activation_beta activations=[Tanh,Tanh] clip direction=forward hidden_size | 14
  activation_alpha activation_beta activations=[Tanh,Tanh] clip direction=forward hidden_size layout=0
RandomNormal 1 dtype=1 mean=0.0 scale=1.0 seed shape
RandomNormalLike 1 dtype mean=0.0 scale=1.0 seed
RandomUniform 1 dtype=1 high=1.0 low=0.0 seed shape
RandomUniformLike 1 dtype high=1.0 low=0.0 seed
Range 11 | 27 stash_type=1
Reciprocal 6
ReduceL1 1 axes keepdims=1 | 18 keepdims=1 noop_with_empty_axes=0
ReduceL2 1 axes keepdims=1 | 18 keepdims=1 noop_with_empty_axes=0
ReduceLogSum 1 axes keepdims=1 | 18 keepdims=1 noop_with_empty_axes=0
ReduceLogSumExp 1 axes keepdims=1 | 18 keepdims=1 noop_with_empty_axes=0
ReduceMax 1 axes keepdims=1 | 18 keepdims=1 noop_with_empty_axes=0
ReduceMean 1 axes keepdims=1 | 18 keepdims=1 noop_with_empty_axes=0
ReduceMin 1 axes keepdims=1 | 18 keepdims=1 noop_with_empty_axes=0
ReduceProd 1 axes keepdims=1 | 18 keepdims=1 noop_with_empty_axes=0
ReduceSum 1 axes keepdims=1 | 13 keepdims=1 noop_with_empty_axes=0
ReduceSumSquare 1 axes keepdims=1 | 18 keepdims=1 noop_with_empty_axes=0
RegexFullMatch 20 pattern
Relu 6
Reshape 5 | 14 allowzero=0
Resize 10 mode=nearest | 11 coordinate_transformation_mode=half_pixel cubic_coeff_a=-0.75 exclude_outside=0
  extrapolation_value=0.0 mode=nearest nearest_mode=round_prefer_floor | 18 antialias=0 axes
  coordinate_transformation_mode=half_pixel cubic_coeff_a=-0.75 exclude_outside=0 extrapolation_value=0.0
  keep_aspect_ratio_policy=stretch mode=nearest nearest_mode=round_prefer_floor
ReverseSequence 10 batch_axis=1 time_axis=0
RoiAlign 10 mode=avg output_height=1 output_width=1 sampling_ratio=0 spatial_scale=1.0 | 16
  coordinate_transformation_mode=half_pixel mode=avg output_height=1 output_width=1 sampling_ratio=0 spatial_scale=1.0
RotaryEmbedding 23 interleaved=0 num_heads rotary_embedding_dim=0
Round 11
STFT 17 onesided=1
Scan 8 body directions num_scan_inputs | 9 body num_scan_inputs scan_input_axes scan_input_directions scan_output_axes
  scan_output_directions
Scatter 9 axis=0
ScatterElements 11 axis=0 | 16 axis=0 reduction=none
ScatterND 11 | 16 reduction=none
Selu 6 alpha=1.6732632 gamma=1.050701
SequenceAt 11
SequenceConstruct 11
SequenceEmpty 11 dtype
SequenceErase 11
SequenceInsert 11
SequenceLength 11
SequenceMap 17 body
Shape 1 | 15 end start=0
Shrink 9 bias=0.0 lambd=0.5
Sigmoid 6
Sign 9
Sin 7
Sinh 9
Size 1
Slice 1 axes ends starts | 10
Softmax 1 axis=1 | 13 axis=-1
SoftmaxCrossEntropyLoss 12 ignore_index reduction=mean
Softplus 1
Softsign 1
SpaceToDepth 1 blocksize | 28 blocksize mode=DCR
Split 2 axis=0 split | 13 axis=0 | 18 axis=0 num_outputs
SplitToSequence 11 axis=0 keepdims=1
Sqrt 6
Squeeze 1 axes | 13
StringConcat 20
StringNormalizer 10 case_change_action=NONE is_case_sensitive=0 locale stopwords
StringSplit 20 delimiter maxsplit
Sub 7
Sum 6
SwiGLU 28 alpha=1.0
Swish 24 alpha=1.0
Tan 7
Tanh 6
TensorScatter 24 axis=-2 mode=linear
TfIdfVectorizer 9 max_gram_length max_skip_count min_gram_length mode ngram_counts ngram_indexes pool_int64s
  pool_strings weights
ThresholdedRelu 10 alpha=1.0
Tile 6
TopK 1 axis=-1 k | 10 axis=-1 | 11 axis=-1 largest=1 sorted=1
Transpose 1 perm
Trilu 14 upper=1
Unique 11 axis sorted=1
Unsqueeze 1 axes | 13
Upsample 7 mode=nearest scales | 9 mode=nearest
Where 9
Xor 7
domain ai.onnx.ml
ArrayFeatureExtractor 1
Binarizer 1 threshold=0.0
CastMap 1 cast_to=TO_FLOAT map_form=DENSE max_map=1
CategoryMapper 1 cats_int64s cats_strings default_int64=-1 default_string=_Unused
DictVectorizer 1 int64_vocabulary string_vocabulary
FeatureVectorizer 1 inputdimensions
Imputer 1 imputed_value_floats imputed_value_int64s replaced_value_float=0.0 replaced_value_int64=0
LabelEncoder 1 classes_strings default_int64=-1 default_string=_Unused | 2 default_float=-0.0 default_int64=-1
  default_string=_Unused keys_floats keys_int64s keys_strings values_floats values_int64s values_strings | 4
  default_float=-0.0 default_int64=-1 default_string=_Unused default_tensor keys_floats keys_int64s keys_strings
  keys_tensor values_floats values_int64s values_strings values_tensor
LinearClassifier 1 classlabels_ints classlabels_strings coefficients intercepts multi_class=0 post_transform=NONE
LinearRegressor 1 coefficients intercepts post_transform=NONE targets=1
Normalizer 1 norm=MAX
OneHotEncoder 1 cats_int64s cats_strings zeros=1
SVMClassifier 1 classlabels_ints classlabels_strings coefficients kernel_params kernel_type=LINEAR post_transform=NONE
  prob_a prob_b rho support_vectors vectors_per_class
SVMRegressor 1 coefficients kernel_params kernel_type=LINEAR n_supports=0 one_class=0 post_transform=NONE rho
  support_vectors
Scaler 1 offset scale
TreeEnsemble 5 aggregate_function=1 leaf_targetids leaf_weights membership_values n_targets nodes_falseleafs
  nodes_falsenodeids nodes_featureids nodes_hitrates nodes_missing_value_tracks_true nodes_modes nodes_splits
  nodes_trueleafs nodes_truenodeids post_transform=0 tree_roots
TreeEnsembleClassifier 1 base_values class_ids class_nodeids class_treeids class_weights classlabels_int64s
  classlabels_strings nodes_falsenodeids nodes_featureids nodes_hitrates nodes_missing_value_tracks_true nodes_modes
  nodes_nodeids nodes_treeids nodes_truenodeids nodes_values post_transform=NONE | 3 base_values base_values_as_tensor
  class_ids class_nodeids class_treeids class_weights class_weights_as_tensor classlabels_int64s classlabels_strings
  nodes_falsenodeids nodes_featureids nodes_hitrates nodes_hitrates_as_tensor nodes_missing_value_tracks_true
  nodes_modes nodes_nodeids nodes_treeids nodes_truenodeids nodes_values nodes_values_as_tensor post_transform=NONE
TreeEnsembleRegressor 1 aggregate_function=SUM base_values n_targets nodes_falsenodeids nodes_featureids
  nodes_hitrates nodes_missing_value_tracks_true nodes_modes nodes_nodeids nodes_treeids nodes_truenodeids
  nodes_values post_transform=NONE target_ids target_nodeids target_treeids target_weights | 3 aggregate_function=SUM
  base_values base_values_as_tensor n_targets nodes_falsenodeids nodes_featureids nodes_hitrates
  nodes_hitrates_as_tensor nodes_missing_value_tracks_true nodes_modes nodes_nodeids nodes_treeids nodes_truenodeids
  nodes_values nodes_values_as_tensor post_transform=NONE target_ids target_nodeids target_treeids target_weights
  target_weights_as_tensor
ZipMap 1 classlabels_int64s classlabels_strings
domain ai.onnx.preview.training
Adagrad 1 decay_factor=0.0 epsilon=1e-06 norm_coefficient=0.0
Adam 1 alpha=0.9 beta=0.999 epsilon=1e-06 norm_coefficient=0.0 norm_coefficient_post=0.0
Gradient 1 xs y zs
Momentum 1 alpha beta mode norm_coefficient
domain ai.onnx.preview
FlexAttention 1 prob_mod scale score_mod softmax_precision"""

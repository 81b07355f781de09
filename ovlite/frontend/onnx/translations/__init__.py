"""Translations of ONNX operators: HOMES is the one list of all of them.

A family's module, whose OPERATORS are its translations by the operator's type, is imported when the first of them is
looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ....imports import load
from ..call import Translation

# By domain: the operators that each family translates.
FAMILIES = {
    "": {
        "attention_onnx": "Attention RotaryEmbedding",
        "constants": "Constant",
        "control": "If Loop Scan SequenceMap",
        "convolution": (
            "AveragePool Col2Im Conv ConvTranspose DeformConv GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool "
            "MaxPool MaxRoiPool MaxUnpool"
        ),
        "detection": "AffineGrid GridSample NonMaxSuppression RoiAlign",
        "elementwise": (
            "Abs Acos Acosh Add And Asin Asinh Atan Atanh BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor "
            "Cast CastLike Ceil Celu Clip Cos Cosh Div Dropout Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual "
            "HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg "
            "Not Or PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum "
            "SwiGLU Swish Tan Tanh ThresholdedRelu Where Xor"
        ),
        "indexing": "Compress Gather GatherElements GatherND NonZero OneHot Scatter ScatterElements ScatterND Unique",
        "losses": "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
        "matrix": "Einsum Gemm MatMul MatMulInteger",
        "normalization": (
            "BatchNormalization GroupNormalization Hardmax InstanceNormalization LRN LayerNormalization LogSoftmax "
            "LpNormalization MeanVarianceNormalization RMSNormalization SimplifiedLayerNormalization Softmax"
        ),
        "quantization": "ConvInteger DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul QuantizeLinear",
        "recurrent": "GRU LSTM RNN",
        "reduction": (
            "ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin "
            "ReduceProd ReduceSum ReduceSumSquare TopK"
        ),
        "resize": "Resize Upsample",
        "sequences": (
            "ConcatFromSequence Optional OptionalGetElement OptionalHasElement SequenceAt SequenceConstruct "
            "SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence"
        ),
        "shape": (
            "CenterCropPad Concat ConstantOfShape DepthToSpace Expand EyeLike Flatten Pad Range Reshape "
            "ReverseSequence Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze"
        ),
        "signal": "BlackmanWindow DFT HammingWindow HannWindow STFT",
        "text": "RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer",
    },
    "ai.onnx.ml": {
        "ml.features": (
            "ArrayFeatureExtractor Binarizer CategoryMapper FeatureVectorizer Imputer LabelEncoder Normalizer "
            "OneHotEncoder Scaler"
        ),
        "ml.linear": "LinearClassifier LinearRegressor",
        "ml.maps": "ZipMap",
        "ml.svm": "SVMClassifier SVMRegressor",
        "ml.trees": "TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor",
    },
    "ai.onnx.preview.training": {"training": "Adagrad Adam Momentum"},
    "com.microsoft": {
        "microsoft": (
            "Attention BiasAdd BiasGelu BiasSoftmax BiasSplitGelu CausalConvWithState CDist "
            "DecoderMaskedMultiHeadAttention DecoderMaskedSelfAttention DequantizeLinear DynamicQuantizeLSTM "
            "DynamicQuantizeMatMul EmbedLayerNormalization ExpandDims FastGelu FusedConv FusedGemm FusedMatMul "
            "FusedMatMulActivation GatedRelativePositionBias GatherBlockQuantized Gelu GemmFastGelu GroupNorm "
            "GroupQueryAttention Inverse LinearAttention MatMulIntegerToFloat MatMulNBits MoE MultiHeadAttention "
            "NhwcConv NhwcFusedConv NhwcMaxPool PackedAttention PackedMultiHeadAttention QAttention QGemm "
            "QLinearAdd QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu "
            "QLinearMul QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere QMoE QuantizeLinear "
            "QuickGelu RelativePositionBias RemovePadding RestorePadding RotaryEmbedding SkipGroupNorm "
            "SkipLayerNormalization SkipSimplifiedLayerNormalization Tokenizer TransposeMatMul Trilu UnfoldTensor"
        ),
    },
}
# The family of each operator, by domain and type.
HOMES = {
    (domain, name): family
    for domain, families in FAMILIES.items()
    for family, names in families.items()
    for name in names.split()
}


class Translations(Mapping[tuple[str, str], Translation]):
    """The translations by domain and type. To ask for one imports its family, to ask which there are does not."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Translation] = {}

    def __getitem__(self, key: tuple[str, str]) -> Translation:
        if key not in self._found:
            family = load(f".{HOMES[key]}", __name__)
            self._found[key] = family.OPERATORS[key[1]]
        return self._found[key]

    def __contains__(self, key: object) -> bool:
        return key in HOMES

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(HOMES)

    def __len__(self) -> int:
        return len(HOMES)


TRANSLATIONS = Translations()

"""The families and their operators, and node factories that are made when they are first asked for.

A family's module is imported when one of its operators is first looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from ..graph import Node, Operator
from ..imports import load
from .declare import Declared, node_factory, node_maker, operators_of

# The types of operators that each family defines.
FAMILIES = {
    "activation": "Clamp Elu Gelu HSigmoid HSwish HardSigmoid Mish PRelu Relu Selu Sigmoid SoftPlus SoftSign Swish",
    "binary": "BinaryConvolution",
    "blocks": "BatchToSpace DepthToSpace Reverse ReverseSequence ShuffleChannels SpaceToBatch SpaceToDepth",
    "color": "I420toBGR I420toRGB NV12toBGR NV12toRGB",
    "control": "If Loop TensorIterator",
    "convolution": "Convolution ConvolutionBackpropData GroupConvolution GroupConvolutionBackpropData",
    "ctc": "CTCGreedyDecoder CTCGreedyDecoderSeqLen CTCLoss",
    "detection": "DetectionOutput",
    "elementwise": "Add Divide FloorMod Maximum Minimum Mod Multiply Power SquaredDifference Subtract",
    "embedding": (
        "EmbeddingBagOffsets EmbeddingBagOffsetsSum EmbeddingBagPacked EmbeddingBagPackedSum EmbeddingSegmentsSum"
    ),
    "expand": "Broadcast Eye OneHot Range Tile",
    "gather": "Gather GatherElements GatherND GatherTree",
    "joining": "Concat Pad Roll Split VariadicSplit",
    "logic": (
        "BitwiseAnd BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor Equal Greater GreaterEqual "
        "IsFinite IsInf IsNaN Less LessEqual LogicalAnd LogicalNot LogicalOr LogicalXor NotEqual Select Xor"
    ),
    "lookup": "Lookup",
    "maps": "ZipMap",
    "matmul": "Einsum Inverse MatMul ScaledDotProductAttention",
    "multiclass": "MatrixNms MulticlassNms",
    "newest": "ErfInv GroupedMatMul",
    "nms": "NonMaxSuppression",
    "normalization": "BatchNormInference GRN GroupNormalization LRN LogSoftmax MVN NormalizeL2 RMS Softmax",
    "patches": "Col2Im ExtractImagePatches",
    "pooling": "AdaptiveAvgPool AdaptiveMaxPool AvgPool MaxPool",
    "priors": "PriorBox PriorBoxClustered",
    "proposal": "Proposal",
    "psroi": "DeformablePSROIPooling PSROIPooling",
    "quantization": ("Convert ConvertLike ConvertPromoteTypes FakeConvert FakeQuantize Narrowed RoundToSmallFloat"),
    "randomness": "Multinomial RandomUniform",
    "recurrent": "GRUCell GRUSequence LSTMCell LSTMSequence RNNCell RNNSequence",
    "reduction": (
        "ReduceL1 ReduceL2 ReduceLogicalAnd ReduceLogicalOr ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum"
    ),
    "regions": (
        "ExperimentalDetectronDetectionOutput ExperimentalDetectronGenerateProposalsSingleImage "
        "ExperimentalDetectronPriorGridGenerator ExperimentalDetectronROIFeatureExtractor "
        "ExperimentalDetectronTopKROIs GenerateProposals"
    ),
    "resize": "Interpolate",
    "roi": "ROIAlign ROIAlignRotated ROIPooling",
    "rotated": "NMSRotated",
    "sampling": "DeformableConvolution GridSample",
    "scattering": "ScatterElementsUpdate ScatterNDUpdate ScatterUpdate",
    "scan": "CumSum",
    "sequences": (
        "ConcatFromSequence Optional OptionalGetElement OptionalHasElement "
        "SequenceAt SequenceConstruct SequenceErase SequenceInsert SequenceLength SplitToSequence"
    ),
    "shape": "Identity Reshape ShapeOf Squeeze Transpose Unsqueeze",
    "signal": "DFT IDFT IRDFT ISTFT RDFT STFT",
    "slicing": "Slice SliceScatter StridedSlice",
    "sorting": "Bucketize NonZero SearchSorted Unique",
    "sparse": "SegmentMax SparseFillEmptyRows",
    "state": "Assign ReadValue",
    "strings": "StringTensorPack StringTensorUnpack",
    "svm": "PairwiseCoupling SquaredDistance",
    "text": (
        "CastFromString CastToString RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer Tokenizer"
    ),
    "topk": "TopK",
    "trees": "TreeEnsemble",
    "unary": (
        "Abs Acos Acosh Asin Asinh Atan Atanh Ceiling Cos Cosh Erf Exp Floor Log Negative Round Sign Sin Sinh Sqrt "
        "Tan Tanh"
    ),
    "yolo": "RegionYolo ReorgYolo",
}
NEWEST_OPSET = 16

_HOMES = {name: family for family, names in FAMILIES.items() for name in names.split()}
# The name of a factory is its operator's type in small letters, with or without underscores; but for these.
_TYPES = {name.lower(): name for name in _HOMES} | {"absolute": "Abs", "ceil": "Ceiling"}


@cache
def definitions(type_name: str) -> tuple[type[Operator], ...]:
    """The operator classes of a type, the oldest definition first; none for a type that is not known.

    RuntimeError within the import of its family, where a signal's handler may ask: not all of them are there yet.
    """
    if type_name not in _HOMES:
        return ()
    family = load(f".{_HOMES[type_name]}", __package__)
    if getattr(family.__spec__, "_initializing", False):
        raise RuntimeError(f"{type_name} can't be looked up within the import of {family.__name__}")
    versions = [operator for operator in operators_of(family) if operator.type == type_name]
    return tuple(sorted(versions, key=lambda operator: getattr(operator, "since", 1)))


@cache
def operators() -> dict[str, tuple[type[Operator], ...]]:
    """The operator classes of all types, by type; every family is imported."""
    return {name: definitions(name) for name in _HOMES}


class Factories(Mapping[str, Callable[..., Node]]):
    """The node factories of ovlite.opset<opset>, by name. Going through all of them imports every family."""

    def __init__(self, opset: int) -> None:
        self._opset = opset
        self._made: dict[str, Callable[..., Node]] = {}

    def __getitem__(self, name: str) -> Callable[..., Node]:
        if name not in self._made:
            self._made.setdefault(name, node_factory(self._declaration(name)))
        return self._made[name]

    def maker(self, name: str) -> Callable[..., Node]:
        """The same function without its name, its signature and its docstring, which take time to find."""
        return node_maker(self._declaration(name))

    def _declaration(self, name: str) -> type[Declared]:
        return self._declarations(_TYPES[name.replace("_", "")])[name]

    def __iter__(self) -> Iterator[str]:
        for type_name in _HOMES:
            yield from self._declarations(type_name)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _declarations(self, type_name: str) -> dict[str, type[Declared]]:
        """The newest definition of a type that the opset has, by the names of its factory."""
        newest: dict[str, type[Declared]] = {}
        for operator in definitions(type_name):
            if issubclass(operator, Declared) and operator.factory and operator.since <= self._opset <= operator.until:
                newest |= dict.fromkeys((operator.factory, *operator.aliases), operator)
        return newest


@cache
def factories(opset: int) -> Factories:
    """The node factories of an opset."""
    return Factories(opset)


def arithmetic(name: str, left: Any, right: Any) -> Node:
    """The node of an operator on two operands, by the name of its factory in the newest opset."""
    if left is None or right is None:
        raise TypeError("an operand of a node's arithmetic is None")
    return factories(NEWEST_OPSET)[name](left, right)

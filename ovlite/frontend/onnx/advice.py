"""What to do about operators that are not supported."""

from __future__ import annotations

_SEARCH = "export the decoder alone, and choose the tokens in the program"
_MAPS = "convert the pipeline from the step behind it, and give the model that step's tensor"
_CONTRIB = {
    **dict.fromkeys(("BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"), _SEARCH),
    "EPContext": "the model was compiled for another device: read the one that it was made of",
    "LongformerAttention": "onnxruntime's optimizer of transformers made it: read the model as it was exported",
    "SparseToDenseMatMul": "make its sparse tensor dense, and the product a MatMul",
}
_BY_OPERATOR = {
    **{("com.microsoft", name): text for name, text in _CONTRIB.items()},
    ("ai.onnx.ml", "CastMap"): _MAPS,
    ("ai.onnx.ml", "DictVectorizer"): _MAPS,
}
_BY_DOMAIN = {
    "ai.onnx.contrib": "an operator of onnxruntime-extensions: carry it out before or behind the model",
    "com.microsoft.nchwc": "onnxruntime made it for one processor: save the model with ORT_ENABLE_EXTENDED",
    "org.pytorch.aten": "torch found no operator of ONNX for it: export with a newer opset, or torch's newer exporter",
}
# What holds for all of them; it stands behind the list.
ADDED = (
    "What an operator computes can be told by Core.add_extension(ovlite.frontend.ConversionExtension(type, domain, "
    "function)) before the model is read"
)


def advice(domain: str, op_type: str) -> str | None:
    """What to do about an operator, where there is more to say than ADDED."""
    if op_type.endswith("_TRT"):
        return "a plugin of TensorRT: export the model without it"
    return _BY_OPERATOR.get((domain, op_type)) or _BY_DOMAIN.get(domain)

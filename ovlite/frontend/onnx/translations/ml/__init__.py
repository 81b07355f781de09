"""Translations of ai.onnx.ml, a file a family."""

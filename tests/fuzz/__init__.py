"""Fuzzers: damaged models, of any source, against what SECURITY.md promises.

`python -m tests.fuzz onnx --seconds 60` runs one; see __main__.
"""

"""Reading tests need the onnx package."""

import pytest

pytest.importorskip("onnx")

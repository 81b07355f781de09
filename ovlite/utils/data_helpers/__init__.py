"""The mapping in which results are handed out, and tensors from files."""

from ...kernels.runtime.results import OVDict
from ...runtime.tensor import tensor_from_file

__all__ = ["OVDict", "tensor_from_file"]

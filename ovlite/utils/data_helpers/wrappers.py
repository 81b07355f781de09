"""The names of data_helpers at the place where programs look for their types."""

from ...kernels.runtime.results import OVDict
from ...runtime.tensor import tensor_from_file

__all__ = ["OVDict", "tensor_from_file"]

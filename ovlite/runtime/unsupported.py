"""Names of openvino that stand for what ovlite has not: other devices' memory. None can be made.

Programs import them, and ask whether values are instances of them.
"""

from __future__ import annotations

from typing import Any

from .tensor import Tensor


class _Absent:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"there is no {type(self).__name__} in ovlite, which has the CPU and its own operations alone")


class RemoteContext(_Absent):
    """A device with memory of its own."""


class RemoteTensor(_Absent):
    """A tensor in a device's own memory."""


class VAContext(RemoteContext):
    """A device that shares memory with VA-API."""


class VASurfaceTensor(RemoteTensor):
    """A surface of VA-API."""


class TensorVector(list[Tensor]):
    """Tensors, one for each element of a batch; a list is taken as well."""


def shutdown() -> None:
    """Nothing: threads and buffers go with the models that use them, or with the process."""

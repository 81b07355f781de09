from abc import ABCMeta, abstractmethod
from asyncio import Future
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy.typing as npt

from .results import OVDict, Ports
from .storage import Shown, Storage
from .streams import Streams

class RequestHooks(Protocol):
    """Methods that Request calls and its subclass defines: all that knows tensors, element types and names of ports."""

    @abstractmethod
    def _convert(self, index: int, value: Any, share: bool) -> None:
        """Binds a value that is no plain array."""
    @abstractmethod
    def _bind_container(self, inputs: Any, share: bool) -> None:
        """Binds what any other container gives, or the value of the only input."""
    @abstractmethod
    def _check_shape(self, index: int, shape: tuple[int, ...]) -> None:
        """Raises RuntimeError when an input can't have the shape."""
    @abstractmethod
    def _missing(self, indices: Sequence[int]) -> None:
        """Raises RuntimeError for inputs that were never given; binds those that nothing reads."""
    @abstractmethod
    def _input_memory(self, index: int) -> Storage:
        """New memory for an input, of the least shape that it may have."""
    @abstractmethod
    def _storage_on(self, index: int, array: npt.NDArray[Any]) -> Storage:
        """Storage on an array that an input is bound to."""
    @abstractmethod
    def _output_memory(self, index: int, shape: tuple[int, ...] | None) -> Storage:
        """New memory for an output, of this shape or of the least that it may have."""
    @abstractmethod
    def _unpacked(self, storage: Storage) -> npt.NDArray[Any]:
        """A new array of a packed storage's elements, as plans take them."""
    @abstractmethod
    def _packed(self, storage: Storage, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The elements of a result as a packed storage holds them."""
    @abstractmethod
    def _tensor(self, storage: Storage) -> Shown:
        """The object that views of an output's memory are based on."""
    @abstractmethod
    def _decode(self, arrays: list[npt.NDArray[Any]], decode: bool) -> list[npt.NDArray[Any]]:
        """Results, some of strings, as they are handed out: str when `decode`, else bytes."""
    @abstractmethod
    def _given_outputs(self, out: Any) -> list[Any]:
        """For each output what `out=` gives for it, or None."""
    @abstractmethod
    def _refuse_output(self, index: int, array: Any, shape: tuple[int, ...]) -> None:
        """Raises TypeError or ValueError for what a result of this shape can't be written to."""

class Request(RequestHooks, metaclass=ABCMeta):
    @property
    def ports(self) -> Ports: ...
    @property
    def plan(self) -> Any: ...
    @property
    def userdata(self) -> Any: ...
    @property
    def latency(self) -> float: ...
    def __init__(
        self,
        executable: Any,
        ports: Ports,
        types: tuple[tuple[int, bool], ...],
        tensor_class: type,
        variables: tuple[str, ...],
        sources: tuple[tuple[bool, int] | None, ...],
        streams: Streams,
        internal: bool = False,
        profiled: bool = False,
        keep_shared_outputs: bool = False,
        spare_bytes: int = 0,
    ) -> None: ...
    def infer(
        self,
        inputs: Any = None,
        share_inputs: bool = False,
        share_outputs: bool = False,
        *,
        decode_strings: bool = True,
    ) -> OVDict: ...
    def start_async(self, inputs: Any = None, userdata: Any = None, share_inputs: bool = False) -> None: ...
    def wait(self) -> None: ...
    def wait_for(self, timeout: int) -> bool: ...
    def wait_with_future(self, future: Future[None]) -> bool: ...
    def finished(self, share_outputs: bool, decode: bool) -> OVDict: ...
    def cancel(self) -> None: ...
    def set_callback(self, callback: Callable[[Any], object], userdata: Any) -> None: ...
    def copies(self) -> OVDict: ...
    def ensure_idle(self) -> None: ...
    def bind_array(self, index: int, array: npt.NDArray[Any], share: bool) -> None: ...
    def input_storage(self, index: int) -> Storage: ...
    def output_storage(self, index: int) -> Storage: ...
    def set_input_storage(self, index: int, storage: Storage) -> None: ...
    def set_output_storage(self, index: int, storage: Storage) -> None: ...
    def state(self, index: int) -> npt.NDArray[Any] | None: ...
    def set_state(self, index: int, array: npt.NDArray[Any] | None) -> None: ...
    @property
    def stage_times(self) -> list[Any] | None: ...
    def step_spans(self) -> list[list[tuple[int, int, int]]]: ...

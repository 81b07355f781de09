from abc import ABCMeta, abstractmethod
from typing import Any, Protocol

from .request import Request
from .results import OVDict

class CompiledHooks(Protocol):
    """Methods that Compiled calls and its subclass defines."""

    @abstractmethod
    def _inlined(self, inputs: Any) -> Any:
        """Results for inputs that only stand for arrays, or None."""

    @abstractmethod
    def _new_request(self, internal: bool) -> Request:
        """Another request; `internal`: no tensor of it is ever shown."""

class Compiled(CompiledHooks, metaclass=ABCMeta):
    @property
    def _infer_request(self) -> Any: ...
    def __call__(
        self,
        inputs: Any = None,
        share_inputs: bool = True,
        share_outputs: bool = False,
        *,
        decode_strings: bool = True,
        out: Any = None,
    ) -> OVDict: ...
    def _internal_request(self) -> Any: ...
    def _drop_idle(self) -> None: ...

from typing import Any

from .results import OVDict

class Compiled:
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
    def _hidden_request(self) -> Any: ...
    def _drop_idle(self) -> None: ...

"""Element-wise calls."""

from __future__ import annotations

from ..border import Enter, Leave
from ..builder import Builder, Lowering
from ..calls import Call
from ..fusion import Map


def _map(builder: Builder, call: Call) -> bool:
    assert isinstance(call.op, Map)
    reads = [builder.view(tensor) for tensor in call.inputs]
    builder.emit(builder.family("elementwise").Map(list(call.op.program), reads, builder.view(call.outputs[0])))
    return True


def _port(builder: Builder, call: Call) -> bool:
    """f16 ports; bf16 ones, whose bits numpy calls f16, are left to numpy."""
    assert isinstance(call.op, (Enter, Leave))
    if call.op.element_type.name != "f16":
        return False
    builder.emit(builder.family("elementwise").Convert(builder.view(call.inputs[0]), builder.view(call.outputs[0])))
    return True


LOWERINGS: dict[str, Lowering] = {"Map": _map, "Enter": _port, "Leave": _port}

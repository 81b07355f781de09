"""Element-wise calls."""

from __future__ import annotations

from ..builder import Builder, Lowering
from ..calls import Call
from ..fusion import Map
from ..port_types import FromPortType, ToPortType


def _map(builder: Builder, call: Call) -> bool:
    assert isinstance(call.op, Map)
    reads = [builder.view(tensor) for tensor in call.inputs]
    builder.emit(builder.family("elementwise").Map(list(call.op.program), reads, builder.view(call.outputs[0])))
    return True


def _port(builder: Builder, call: Call) -> bool:
    """f16 ports; bf16 ones, whose bits numpy calls f16, are left to numpy."""
    assert isinstance(call.op, (FromPortType, ToPortType))
    if call.op.element_type.name != "f16":
        return False
    builder.emit(builder.family("elementwise").Convert(builder.view(call.inputs[0]), builder.view(call.outputs[0])))
    return True


LOWERINGS: dict[str, Lowering] = {"Map": _map, "FromPortType": _port, "ToPortType": _port}

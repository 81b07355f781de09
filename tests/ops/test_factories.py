"""Every node factory is called as OpenVINO's of the same name."""

from __future__ import annotations

import inspect

import pytest

from ovlite.ops import NEWEST_OPSET, factories

from .support import HAS_PEER, signature_of_peer

UNDESCRIBED = {"assign", "read_value"}  # from opset6 on a class and an overload, which tell no signature


@pytest.mark.skipif(not HAS_PEER, reason="openvino is not installed")
@pytest.mark.parametrize("opset", range(1, NEWEST_OPSET + 1))
def test_signatures_are_openvinos(opset: int) -> None:
    wrong = []
    for name in factories(opset).keys() - (UNDESCRIBED if opset >= 6 else set()):
        factory = factories(opset)[name]
        parameters = inspect.signature(factory).parameters.values()
        mine = [parameter.name for parameter in parameters], [parameter.default for parameter in parameters]
        theirs = signature_of_peer(opset, name)
        if mine != theirs:
            wrong.append(f"{name}: {mine}, in OpenVINO {theirs}")
    assert not wrong, "\n".join(wrong)

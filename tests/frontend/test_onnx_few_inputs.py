"""Nodes with fewer inputs than their operators need: the error names the node and says what is missing."""

import copy
import re

import pytest

pytest.importorskip("onnx")

import onnx
from onnx import TensorProto, helper

import ovlite as ov
from ovlite.frontend.onnx.translations import HOMES

from .onnx_cases import node_cases

# What Python says where nobody has looked.
PYTHON = re.compile(r"\w+Error:|NoneType|out of range|unpack|argument|from an empty|\*\*")


def models():
    """By domain and type of operators with cases in the onnx package: the model of the first, of one node."""
    found = {}
    for case in node_cases().values():
        if len(case.model.graph.node) == 1:
            node = case.model.graph.node[0]
            found.setdefault((node.domain, node.op_type), case.model)
    return {key: found[key] for key in sorted(found) if key in HOMES}


MODELS = models()
OTHERS = sorted(set(HOMES) - set(MODELS))


def named(key):
    return ".".join(filter(None, key))


def refusal(model):
    """The error of reading it, behind the node's name; "" for none."""
    try:
        ov.Core().read_model(model.SerializeToString())
    except RuntimeError as error:
        node = model.graph.node[0]
        before, _, found = str(error).partition(f"{named((node.domain, node.op_type))} node 'the node': ")
        assert found, before
        return found
    return ""


@pytest.mark.parametrize("key", MODELS, ids=named)
def test_inputs_that_are_missing(key):
    original = MODELS[key]
    versions = {opset.domain: opset.version for opset in original.opset_import}
    needed = onnx.defs.get_schema(key[1], versions[key[0]], key[0]).min_input
    for count in range(needed):
        model = copy.deepcopy(original)
        model.graph.node[0].name = "the node"
        del model.graph.node[0].input[count:]
        found = refusal(model)
        assert found and not PYTHON.search(found), found
    for place in range(len(original.graph.node[0].input)):
        model = copy.deepcopy(original)
        model.graph.node[0].name = "the node"
        model.graph.node[0].input[place] = ""
        assert not PYTHON.search(refusal(model))


@pytest.mark.parametrize("key", OTHERS, ids=named)
@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING])
def test_operators_without_cases(key, kind):
    """The schemas of most aren't in the onnx package: with 0 to 3 inputs they are refused, or read."""
    domain, op_type = key
    x = helper.make_tensor_value_info("x", kind, [2, 3])
    opsets = {"": 20, "ai.onnx.ml": 3} | ({domain: 1} if domain not in ("", "ai.onnx.ml") else {})
    for count in range(4):
        node = helper.make_node(op_type, ["x"] * count, ["y"], name="the node", domain=domain)
        graph = helper.make_graph([node], "g", [x], [helper.make_value_info("y", onnx.TypeProto())])
        imports = [helper.make_opsetid(*pair) for pair in opsets.items()]
        found = refusal(helper.make_model(graph, opset_imports=imports, ir_version=9))
        assert not PYTHON.search(found), found

"""Ensembles of trees as boosters and forests have them, as ONNX models with seeded nodes."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """trees of `depth` levels, each of whose leaves gives to every class; one class is a regression."""

    rows: int
    trees: int
    depth: int
    features: int
    classes: int = 1


CASES = {
    "100 trees, 1 row": Case(1, 100, 8, 20),
    "100 trees, 100 rows": Case(100, 100, 8, 20),
    "100 trees, 10000 rows": Case(10000, 100, 8, 20),
    "500 shallow trees, 100 rows": Case(100, 500, 4, 50),
    "100 trees of 3 classes, 100 rows": Case(100, 100, 8, 20, 3),
}


def model(name: str) -> bytes:
    """The ONNX model of a case: complete trees, whose node i has the children 2 i + 1 and 2 i + 2."""
    case = CASES[name]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    inner, count = 2**case.depth - 1, 2 ** (case.depth + 1) - 1
    branches = [i < inner for i in range(count)] * case.trees
    nodes = {
        "treeids": np.repeat(np.arange(case.trees), count),
        "nodeids": np.tile(np.arange(count), case.trees),
        "featureids": rng.integers(case.features, size=count * case.trees),
        "values": rng.standard_normal(count * case.trees, np.float32),
        "truenodeids": np.tile([2 * i + 1 if i < inner else 0 for i in range(count)], case.trees),
        "falsenodeids": np.tile([2 * i + 2 if i < inner else 0 for i in range(count)], case.trees),
    }
    leaves = np.nonzero(~np.array(branches))[0].repeat(case.classes)
    gifts = {
        "treeids": nodes["treeids"][leaves],
        "nodeids": nodes["nodeids"][leaves],
        "ids": np.tile(np.arange(case.classes), len(leaves) // case.classes),
        "weights": rng.standard_normal(len(leaves), np.float32),
    }
    many = case.classes > 1
    kind, op = ("class", "TreeEnsembleClassifier") if many else ("target", "TreeEnsembleRegressor")
    attributes: dict[str, Any] = {f"nodes_{key}": value.tolist() for key, value in nodes.items()}
    attributes |= {f"{kind}_{key}": value.tolist() for key, value in gifts.items()}
    attributes |= {"classlabels_int64s": list(range(case.classes))} if many else {"n_targets": 1}
    attributes["nodes_modes"] = ["BRANCH_LEQ" if branch else "LEAF" for branch in branches]
    node = helper.make_node(op, ["x"], ["label", "y"] if many else ["y"], domain="ai.onnx.ml", **attributes)
    info = helper.make_tensor_value_info
    outputs = [info("label", TensorProto.INT64, None)] if many else []
    graph = helper.make_graph(
        [node],
        op,
        [info("x", TensorProto.FLOAT, inputs(name)["x"].shape)],
        [*outputs, info("y", TensorProto.FLOAT, None)],
    )
    sets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    return bytes(helper.make_model(graph, opset_imports=sets, ir_version=9).SerializeToString())


def inputs(name: str) -> dict[str, Array]:
    """Seeded rows of a case."""
    case = CASES[name]
    return {"x": np.random.default_rng(1).standard_normal((case.rows, case.features), np.float32)}

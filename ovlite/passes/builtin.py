"""Passes that openvino.passes has ready: folding, halving, and writing a model out."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from ..frontend.ir import serialize
from ..graph import Constant, Model, Node, Parameter
from ..graph.constants import constant_array
from ..graph.elements import encode
from ..records import fields, replace
from ..types import Type
from .manager import ModelPass
from .pipeline.folding import fold_constants


class ConstantFolding(ModelPass):
    """Replaces what follows from constants and known shapes alone by constants."""

    def run_on_model(self, model: Model) -> None:
        fold_constants(model)


class ConvertFP32ToFP16(ModelPass):
    """Makes every f32 tensor of a model f16: parameters, constants, and what operations are told to give."""

    def run_on_model(self, model: Model) -> None:
        for node in model.get_ordered_ops():
            if isinstance(node, Constant):
                _halve(node)
            elif isinstance(node, Parameter):
                if node.element_type is Type.f32:
                    node.set_element_type(Type.f16)
            else:
                self._change_attributes(node)
        model.infer()

    def _change_attributes(self, node: Node) -> None:
        changed: dict[str, Any] = {}
        for field in fields(node.op):
            value = getattr(node.op, field.name)
            if value is Type.f32:
                changed[field.name] = Type.f16
            elif isinstance(value, Model):
                self.run_on_model(value)
        if changed:
            node.op = replace(node.op, **changed)


def _halve(node: Constant) -> None:
    if node.get_element_type() is Type.f32:
        limit = np.finfo(np.float16).max
        halves = encode(np.clip(constant_array(node), -limit, limit), Type.f16)
        node.output(0).replace(Constant.of(halves, Type.f16, name=node.friendly_name).output(0))


class Version(Enum):
    """Versions of the IR that Serialize writes."""

    UNSPECIFIED = 0
    IR_V10 = 10
    IR_V11 = 11

    def __int__(self) -> int:
        return self.value


class Serialize(ModelPass):
    """Writes a model as it is at this place among the passes. path_to_bin "" is the file beside the .xml."""

    def __init__(
        self,
        path_to_xml: str | os.PathLike[str],
        path_to_bin: str | os.PathLike[str] = "",
        version: str | Version | None = None,
    ) -> None:
        name = version.name if isinstance(version, Version) else version or "UNSPECIFIED"
        if name not in Version.__members__:
            raise RuntimeError(f"expected version to be one of {', '.join(Version.__members__)}, got {version!r}")
        self._paths = path_to_xml, path_to_bin
        self._version = name

    def run_on_model(self, model: Model) -> None:
        serialize(model, *self._paths, self._version)


class VisualizeTree(ModelPass):
    """Writes a model's graph in the language of Graphviz, to file_name with .dot behind it if it does not end so.

    nm: may change the list of attributes, such as 'label="..."', that a node is drawn with. Graphviz makes a
    picture of the file: `dot -Tsvg file.dot`; it is not run here, whatever dot_only says.
    """

    def __init__(
        self,
        file_name: str | os.PathLike[str],
        nm: Callable[[Node, list[str]], None] | None = None,
        dot_only: bool = False,
    ) -> None:
        path = os.fspath(file_name)
        self._path = path if path.endswith(".dot") else f"{path}.dot"
        self._change = nm

    def run_on_model(self, model: Model) -> None:
        nodes = model.get_ordered_ops()
        lines = [f"    {node.name} [{' '.join(self._look(node))}]" for node in nodes]
        lines += [f"    {source.node.name} -> {node.name}" for node in nodes for source in node.sources]
        with open(self._path, "w", encoding="utf-8") as file:
            file.write("\n".join(["digraph", "{", *lines, "}", ""]))

    def _look(self, node: Node) -> list[str]:
        types = [f"{{{output.element_type.name}}}{output.partial_shape}" for output in node.outputs()]
        named = [] if node.friendly_name == node.name else [node.friendly_name]
        words = [*named, node.name, f"{node.op.opset}::{node.op.type}", *types]
        label = "\\n".join(words).replace('"', '\\"')
        ends = {"Parameter": "blue", "Result": "crimson"}
        look = ["shape=box", f"color={ends.get(node.op.type, 'black')}", f'label="{label}"']
        if self._change is not None:
            self._change(node, look)
        return look

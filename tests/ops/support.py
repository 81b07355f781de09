"""Runs one operator through its numpy evaluation and its shape inference, beside OpenVINO or what it once gave."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ovlite.graph import Constant, Node, Parameter
from ovlite.ops import NEWEST_OPSET, factories
from ovlite.types import PartialShape, Type

from .. import golden

HAS_PEER = importlib.util.find_spec("openvino") is not None


def normal(*shape: int) -> np.ndarray:
    """Standard normal float32 numbers, the same for each call with a shape: the names of recorded outputs last."""
    return np.random.default_rng(shape).standard_normal(shape, np.float32)


@dataclass(frozen=True)
class fixed:
    """A tensor argument whose elements are known when the graph is built: a constant."""

    array: Any


def check(
    factory: str,
    *arguments: Any,
    expected: Any = None,
    opset: int = NEWEST_OPSET,
    peer: str = "cpu",
    rtol: float = 1e-5,
    atol: float = 1e-6,
    unlike: Collection[str] = (),
    **attributes: Any,
) -> list[np.ndarray]:
    """Checks one call of a node factory and returns the outputs of `evaluate`.

    arguments: a numpy array becomes a parameter, `fixed(value)` a constant, also inside lists; all else
        goes to the factory as it is. attributes: the same, by keyword.
    expected: an array, or a list with one for each output, from somewhere else than ovlite.
    peer: what of OpenVINO the outputs are compared with: "cpu" (compiled, f32), "reference"
        (Model.evaluate) or "" (nothing: then `expected` is needed). Without `expected`, OpenVINO's outputs
        have to be recorded (tests/golden), which is what counts where it is not installed.
    unlike: attributes that OpenVINO's node does not have as the call says.

    Checked are: the outputs against `expected` and OpenVINO; the inferred types and shapes against the
    outputs, with everything known, with each dimension unknown in turn, with each rank unknown in
    turn, and with constants not known; type name, opset and attributes against OpenVINO's node.
    """
    assert peer or expected is not None, "check() without a peer needs expected="
    call = _Call(factory, arguments, attributes, opset)
    node, outputs = _evaluate(call)
    assert len(outputs) == len(node.outputs())
    for i, (output, port) in enumerate(zip(outputs, node.outputs(), strict=True)):
        assert output.dtype == _evaluated_dtype(port.element_type), f"output {i} is {output.dtype}, not {port}"
        assert port.partial_shape.relaxes(PartialShape(output.shape)), f"output {i} is {output.shape}, not {port}"
    shapes = [tuple(source.partial_shape.to_shape()) for source in node.sources]
    sizes = node.op.quick_shape(shapes, [source.argument().value for source in node.sources])
    assert sizes is None or [sizes] * len(outputs) == [output.shape for output in outputs]
    if expected is not None:
        compare(outputs, expected if isinstance(expected, list) else [expected], rtol, atol)
    _check_unknown_shapes(call, outputs)
    if HAS_PEER:
        _check_description(call, node, unlike)
    if expected is None:
        compare(outputs, recorded_peer(call, peer), rtol, atol)
    elif HAS_PEER and peer:
        compare(outputs, run_peer(call, peer), rtol, atol)
    return outputs


def compare(found: Sequence[np.ndarray], expected: Sequence[Any], rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Asserts equal counts and shapes, and elements as near as rtol and atol say; NaN equals NaN."""
    assert len(found) == len(expected)
    for mine, other in zip(found, expected, strict=True):
        other = np.asarray(other)
        assert mine.shape == other.shape
        if mine.dtype.kind in "fc":
            np.testing.assert_allclose(mine, other.astype(mine.dtype), rtol=rtol, atol=atol)
        else:
            np.testing.assert_array_equal(mine, other)


_Maker = Callable[[np.ndarray], Any]


class _Call:
    """A call of a node factory, of which graphs are made with this or that known of its tensors."""

    def __init__(self, factory: str, arguments: Sequence[Any], attributes: dict[str, Any], opset: int) -> None:
        self.factory = factory
        self.arguments = arguments
        self.attributes = attributes
        self.opset = opset
        self.tensors: list[np.ndarray] = []  # those of parameters, in the order of the arguments
        self.constants: list[np.ndarray] = []
        self._map(self.tensors.append, self.constants.append)

    def _map(self, parameter: _Maker, constant: _Maker) -> tuple[list[Any], dict[str, Any]]:
        """The arguments and keywords of a call, with what is made of the arrays in place of them."""

        def convert(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return parameter(value)
            if isinstance(value, fixed):
                return constant(np.asarray(value.array))
            if isinstance(value, (list, tuple)) and any(isinstance(item, (np.ndarray, fixed)) for item in value):
                return [convert(item) for item in value]
            return value

        arguments = [convert(value) for value in self.arguments]
        return arguments, {key: convert(value) for key, value in self.attributes.items()}

    def node(
        self, shapes: Sequence[PartialShape] | None = None, fixed_known: bool = True
    ) -> tuple[Node, list[Parameter]]:
        """ovlite's node, and the parameters of `tensors`; without fixed_known constants become parameters too."""
        given = iter(shapes or [PartialShape(array.shape) for array in self.tensors])
        parameters: list[Parameter] = []

        def parameter(array: np.ndarray) -> Parameter:
            parameters.append(Parameter(Type(array.dtype), next(given)))
            return parameters[-1]

        def unknown(array: np.ndarray) -> Parameter:
            return Parameter(Type(array.dtype), PartialShape(array.shape))

        arguments, keywords = self._map(parameter, Constant if fixed_known else unknown)
        return factories(self.opset)[self.factory](*arguments, **keywords), parameters

    def digest(self, peer: str) -> str:
        """The name of the call among recorded ones."""
        arrays: list[np.ndarray] = []

        def placeholder(array: np.ndarray) -> str:
            arrays.append(array)
            return f"<{len(arrays)}>"

        return golden.digest(self.factory, self.opset, peer, self._map(placeholder, placeholder), *arrays)

    def peer_node(self, shapes: Sequence[Any] | None = None) -> tuple[Any, list[Any]]:
        """OpenVINO's node and its parameters, in the order of `tensors`."""
        module = _peer_module(self.opset)
        given = iter(shapes or [list(array.shape) for array in self.tensors])
        parameters: list[Any] = []

        def parameter(array: np.ndarray) -> Any:
            parameters.append(module.parameter(next(given), array.dtype))
            return parameters[-1]

        arguments, keywords = self._map(parameter, module.constant)
        return getattr(module, self.factory)(*arguments, **keywords), parameters


def _evaluate(call: _Call) -> tuple[Node, list[np.ndarray]]:
    """The node, and what its operator makes of the call's tensors."""
    node, parameters = call.node()
    tensors: dict[Node, np.ndarray] = dict(zip(parameters, call.tensors, strict=True))
    arrays = [
        source.node.array if isinstance(source.node, Constant) else tensors[source.node] for source in node.sources
    ]
    with np.errstate(all="ignore"):
        return node, list(node.op.evaluate(*[a.astype(np.float32) if a.dtype == np.float16 else a for a in arrays]))


def _evaluated_dtype(element_type: Type) -> np.dtype[Any]:
    """The dtype that evaluate() returns for an element type."""
    return np.dtype(np.float32) if element_type.real and element_type.size < 4 else element_type.to_dtype()


def _variants(call: _Call) -> Iterator[tuple[list[PartialShape], bool]]:
    """Shapes of the parameters with one thing unknown, and whether constants are known."""
    static = [PartialShape(array.shape) for array in call.tensors]
    for i, array in enumerate(call.tensors):
        for axis in range(array.ndim):
            dims: list[Any] = list(array.shape)
            dims[axis] = -1
            yield [*static[:i], PartialShape(dims), *static[i + 1 :]], True
        yield [*static[:i], PartialShape.dynamic(), *static[i + 1 :]], True
    yield [PartialShape.dynamic(array.ndim) for array in call.tensors], True
    yield [PartialShape.dynamic() for _ in call.tensors], True
    if call.constants:
        yield static, False
        yield [PartialShape.dynamic() for _ in call.tensors], False


def _check_unknown_shapes(call: _Call, outputs: Sequence[np.ndarray]) -> None:
    """Whatever is unknown, the inferred shapes must allow the shapes that come out."""
    for shapes, fixed_known in _variants(call):
        ports = call.node(shapes, fixed_known)[0].outputs()
        given = ", ".join(map(str, shapes))
        assert len(ports) == len(outputs)
        for port, output in zip(ports, outputs, strict=True):
            assert port.partial_shape.relaxes(PartialShape(output.shape)), f"{port} of {given} is {output.shape}"
        if HAS_PEER and fixed_known:
            _check_no_less_known(call, shapes, ports)


def _check_no_less_known(call: _Call, shapes: Sequence[PartialShape], ports: Sequence[Any]) -> None:
    """A rank or dimension that OpenVINO infers, ovlite infers too."""
    peer = _peer()
    try:
        theirs, _ = call.peer_node([peer.PartialShape(str(shape)) for shape in shapes])
    except RuntimeError:  # some operators of OpenVINO need more to be known
        return
    for port, other in zip(ports, theirs.outputs(), strict=True):
        mine, known = port.partial_shape, PartialShape(str(other.partial_shape))
        given = ", ".join(map(str, shapes))
        assert mine.has_rank or not known.has_rank, f"{port} of {given}: OpenVINO infers {known}"
        if known.has_rank:
            less = [dim for dim, its in zip(mine, known, strict=True) if its.is_static and dim.is_dynamic]
            assert not less, f"{port} of {given}: OpenVINO infers {known}"


def _check_description(call: _Call, node: Node, unlike: Collection[str]) -> None:
    theirs, _ = call.peer_node()
    info = theirs.get_type_info()
    assert node.op.type == info.name
    if call.opset == NEWEST_OPSET:
        assert node.op.opset == info.version_id
    mine = node.op.attributes()
    other = {name: value for name, value in theirs.get_attributes().items() if "." not in name}
    assert set(mine) == set(other)
    for name, value in other.items():
        assert name in unlike or _same(mine[name], value), f"{name} is {mine[name]!r}, in OpenVINO {value!r}"


def _same(mine: Any, other: Any) -> bool:
    if isinstance(mine, Type):
        return mine.name == (other if isinstance(other, str) else other.get_type_name())
    if isinstance(mine, str):
        return mine.lower() == str(other).lower()
    if isinstance(mine, (tuple, list)):
        return list(mine) == list(other)
    if isinstance(mine, float):
        return bool(np.isclose(mine, other, rtol=1e-6, atol=0))
    return bool(mine == other)


@cache
def _peer() -> Any:
    return importlib.import_module("openvino")


@cache
def _peer_module(opset: int) -> Any:
    return importlib.import_module(f"openvino.opset{opset}")


@cache
def _core() -> Any:
    core = _peer().Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})
    return core


def run_peer(call: _Call, peer: str = "cpu") -> list[np.ndarray]:
    """OpenVINO's outputs of the call."""
    openvino = _peer()
    node, parameters = call.peer_node()
    results = [openvino.opset13.result(output) for output in node.outputs()]
    model = openvino.Model(results, parameters, "operator")
    if peer == "reference":
        outputs = [openvino.Tensor(r.get_output_element_type(0), openvino.Shape([0])) for r in results]
        assert model.evaluate(outputs, [openvino.Tensor(np.ascontiguousarray(a)) for a in call.tensors])
        return [np.array(output.data) for output in outputs]
    assert peer == "cpu"
    found = _core().compile_model(model, "CPU")(list(call.tensors))
    return [np.array(found[i]) for i in range(len(results))]


def recorded_peer(call: _Call, peer: str) -> list[np.ndarray]:
    """OpenVINO's outputs of the call, the recorded ones where it is not installed."""
    return golden.outputs(call.digest(peer), (lambda: run_peer(call, peer)) if HAS_PEER else None)


def signature_of_peer(opset: int, factory: str) -> tuple[list[str], list[Any]] | None:
    """The names and defaults of the parameters that OpenVINO's factory can be called with; None if there is none."""
    function = getattr(_peer_module(opset), factory, None)
    if function is None:
        return None
    parameters = list(inspect.signature(function).parameters.values())
    names = [parameter.name for parameter in parameters]
    outer = inspect.signature(function, follow_wrapped=False).parameters.values()
    leading = [parameter.name for parameter in outer if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    names[: len(leading)] = leading
    return names, [parameter.default for parameter in parameters]

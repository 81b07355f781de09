"""Reading ONNX models takes numpy alone; what is known of operators is what the onnx package knows of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import defs, helper, parser

from ovlite.errors import ModelError
from ovlite.frontend.onnx import fallback, functions, read_onnx
from ovlite.frontend.onnx.schemas import schema_of
from ovlite.frontend.onnx.survey import OLDEST

from .onnx_cases import without_onnx

PROGRAM = """
import sys
sys.modules["onnx"] = sys.modules["google.protobuf"] = None
import numpy as np
import ovlite as ov
for path in sys.argv[1:]:
    compiled = ov.Core().compile_model(path, "CPU")
    np.save(path + ".npy", compiled(np.load(path + ".in.npy"))[0])
assert not any(name.startswith(("onnx.", "google.protobuf.")) for name in sys.modules)
"""
# Models by ONNX's text, with what they compute.
MODELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "g (float[2,3] x) => (float[2,3] y) { z = Relu(x) y = Add(z, z) }": lambda x: 2 * np.maximum(x, 0),
    "g (float[2,3] x) => (float[2,1] y) { y = ReduceMax <axes=[1]>(x) }": lambda x: x.max(1, keepdims=True),
    "g (float[2,4] x) => (float[2,4] y) { y = Dropout <ratio=0.25>(x) }": lambda x: x,
    "g (float[2,3] x) => (float[2,3] y) <float[3] w = {1, 2, 3}> { y = Mul(x, w) }": lambda x: x * np.arange(1, 4),
    """g (float[2,3] x) => (float[2,3] y) {
        s = ReduceSum <keepdims=0>(x)
        c = Cast <to=9>(s)
        y = If (c) <then_branch = t () => (float[2,3] a) { a = Neg(x) },
                    else_branch = e () => (float[2,3] b) { b = Abs(x) }>
    }""": lambda x: -x,
    """g (float[2,3] x) => (float[2,3] y) { y = own.twice <times=2.0>(x) }
    <domain: "own", opset_import: ["" : 11]>
    twice <times> (a) => (b) { f = Constant <value_float: float = @times>() b = Mul(a, f) }""": lambda x: 2 * x,
}  # fmt: skip


def test_models_are_read_and_run_where_importing_onnx_fails(tmp_path: Path) -> None:
    paths = []
    for i, (text, compute) in enumerate(MODELS.items()):
        head = '<ir_version: 8, opset_import: ["" : 11, "own" : 1]>'
        path = tmp_path / f"{i}.onnx"
        path.write_bytes(parser.parse_model(f"{head}\n{text}").SerializeToString())
        shape = [dim.get_length() for dim in read_onnx(path).inputs[0].partial_shape]
        np.save(f"{path}.in.npy", np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape))
        paths.append((str(path), compute))
    subprocess.run([sys.executable, "-c", PROGRAM, *(path for path, _ in paths)], check=True)
    for path, compute in paths:
        np.testing.assert_allclose(np.load(f"{path}.npy"), compute(np.load(f"{path}.in.npy")), rtol=1e-6)


def model(op_type: str, domain: str = "", version: int = 24, outputs: int = 1) -> bytes:
    node = helper.make_node(op_type, ["x"], [f"y{i}" for i in range(outputs)], "here", domain=domain)
    ports = [helper.make_tensor_value_info(name, 1, [2, 3]) for name in ("x", "y0")]
    graph = helper.make_graph([node], "g", ports[:1], ports[1:])
    sets = [helper.make_opsetid("", version), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return bytes(helper.make_model(graph, opset_imports=sets, ir_version=10).SerializeToString())


@pytest.mark.parametrize("op_type", ["Bernoulli", "Det", "CumProd", "RandomNormalLike"])
def test_the_error_says_what_to_install(op_type: str) -> None:
    with without_onnx(), pytest.raises(ModelError, match=rf"{op_type}.*'here'.*pip install 'ovlite\[onnx\]'"):
        read_onnx(model(op_type, version=27))


@pytest.mark.parametrize("op_type", ["NoSuch", "Multinomial"])
def test_what_the_onnx_package_could_not_help_says_no_such_thing(op_type: str) -> None:
    with without_onnx(), pytest.raises(ModelError, match=op_type) as found:
        read_onnx(model(op_type))
    assert "pip" not in str(found.value)


def test_the_table_has_the_operators_of_the_onnx_package() -> None:
    for given in defs.get_all_schemas_with_history():
        in_force = given.domain or given.since_version >= _oldest(given.name)
        if not in_force or given.deprecated:
            continue
        found = schema_of(given.domain, given.name, given.since_version)
        assert found is not None, f"{given.name} is missing in schemas.py"
        named = f"{given.name} in version {given.since_version}"
        assert found.attributes.keys() == given.attributes.keys(), named
        for name, attribute in given.attributes.items():
            default = attribute.default_value
            value = _plain(helper.get_attribute_value(default)) if default.type else None
            wanted = pytest.approx(value, rel=1e-7) if isinstance(value, float) else value
            assert found.attributes[name] == wanted, f"{name} of {named}"


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def _oldest(op_type: str) -> int:
    """The version since which an operator is what it is in the oldest version that is read."""
    versions = [s.since_version for s in defs.get_all_schemas_with_history() if s.name == op_type and not s.domain]
    return max((version for version in versions if version <= OLDEST), default=0)


def test_versions_before_the_oldest_that_changed_nothing() -> None:
    for given in defs.get_all_schemas():
        found = schema_of(given.domain, given.name, OLDEST)
        if not given.domain and found is not None:
            assert found.since == _oldest(given.name), given.name


def test_what_is_said_to_need_the_onnx_package_has_something_there() -> None:
    for domain, op_type in functions.BY_BODY:
        assert functions.has_function(defs.get_schema(op_type, domain)), op_type
    for op_type in fallback.ROWS:
        assert defs.has(op_type), op_type

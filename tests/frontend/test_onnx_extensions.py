"""Translations of ONNX operators that programs add, as openvino takes them."""

import importlib
import importlib.util
import io

import numpy as np
import pytest
from onnx import TensorProto, helper

PEERS = ["ovlite", "openvino"] if importlib.util.find_spec("openvino") else ["ovlite"]


@pytest.fixture(params=PEERS)
def ov(request):
    importlib.import_module(f"{request.param}.frontend.onnx")
    importlib.import_module(f"{request.param}.opset13")
    return importlib.import_module(request.param)


@pytest.fixture
def mine():
    importlib.import_module("ovlite.frontend.onnx")
    return importlib.import_module("ovlite")


def model_of(kind, domain="", opset=13, inputs=("x", "y"), **attributes):
    """z = kind(x, y), of [2] tensors of f32."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in (*inputs, "z")]
    node = helper.make_node(kind, inputs, ["z"], name="it", domain=domain, **attributes)
    graph = helper.make_graph([node], "g", values[:-1], values[-1:])
    imports = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString()


X, Y = np.array([1.5, -2], np.float32), np.array([3, 5], np.float32)


def run(ov, core, content, *arrays):
    return core.compile_model(core.read_model(content), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(list(arrays))[0]


@pytest.mark.parametrize("domain", ["", "my.domain"])
def test_an_operator_by_a_function(ov, domain):
    seen = []

    def convert(context):
        seen.append(context.get_input_size())
        assert ov.__name__ == "openvino" or (context.get_op_type(), context.get_name()) == ("Mine", "it")
        assert context.has_attribute("factor") and not context.has_attribute("other")
        assert context.get_attribute("other", np.int32(5)) == 5 and context.get_attribute("names") == ["a", "b"]
        assert context.get_attribute("factor", dtype=int) == 2 and context.get_attribute("list") == [1, 2]
        ops = ov.opset13
        product = ops.multiply(context.get_input(0), context.get_input(1))
        return [ops.multiply(product, np.float32(context.get_attribute("factor"))).output(0)]

    core = ov.Core()
    core.add_extension(ov.frontend.onnx.ConversionExtension("Mine", domain, convert))
    content = model_of("Mine", domain, factor=2.5, names=["a", "b"], list=[1, 2], unread=3)
    assert run(ov, core, content, X, Y).tolist() == (X * Y * np.float32(2.5)).tolist()
    assert seen[0] == 2


def test_an_operator_that_is_known_is_replaced(ov):
    core = ov.Core()
    core.add_extension(
        ov.frontend.ConversionExtension(
            "Add", lambda context: [ov.opset13.subtract(context.get_input(0), context.get_input(1)).output(0)]
        )
    )
    assert run(ov, core, model_of("Add"), X, Y).tolist() == (X - Y).tolist()
    assert run(ov, ov.Core(), model_of("Add"), X, Y).tolist() == (X + Y).tolist()


def test_operations_by_name(ov):
    make = ov.frontend.onnx.OpExtension
    core = ov.Core()
    core.add_extension([make("Floor", "Down"), make("opset1::Elu", "Bent", {"alpha": "slope"})])
    assert run(ov, core, model_of("Down", inputs=("x",)), X).tolist() == [1, -2]
    bent = run(ov, core, model_of("Bent", inputs=("x",), slope=2.0), X)
    np.testing.assert_allclose(bent, [1.5, 2 * np.expm1(-2)], rtol=1e-6)


def test_operations_with_values_and_a_domain(mine):
    make = mine.frontend.onnx.OpExtension
    core = mine.Core()
    core.add_extension(make("Clamp", "Cut", "my.domain", attr_values_map={"min": -1.0, "max": 1.0}))
    assert run(mine, core, model_of("Cut", "my.domain", inputs=("x",)), X).tolist() == [1, -1]
    assert make("Floor").key == ("", "Floor")
    for wrong in ((), (1,), ("a", "b", "c", "d")):
        with pytest.raises(TypeError):
            make(*wrong)


def test_a_front_end_of_its_own(ov, tmp_path):
    (tmp_path / "m.onnx").write_bytes(model_of("Mine"))
    end = ov.frontend.FrontEndManager().load_by_framework("onnx")
    end.add_extension(
        ov.frontend.ConversionExtension(
            "Mine", lambda context: ov.opset13.maximum(context.get_input(0), context.get_input(1)).outputs()
        )
    )
    model = end.convert(end.load(str(tmp_path / "m.onnx")))
    assert "Maximum" in [node.get_type_name() for node in model.get_ordered_ops()]


def test_streams_progress_and_telemetry(mine):
    calls = []
    end = mine.frontend.FrontEndManager().load_by_framework("onnx")
    end.add_extension(mine.frontend.ProgressReporterExtension(lambda *state: calls.append(state)))
    end.add_extension(mine.frontend.TelemetryExtension("m", print, print, print))
    assert len(end.convert(end.load(io.BytesIO(model_of("Add")))).inputs) == 2
    assert calls == [(1.0, 1, 1)]
    with pytest.raises(mine.frontend.NotImplementedFailure, match="can't be added"):
        end.add_extension(mine.frontend.DecoderTransformationExtension())
    other = mine.frontend.FrontEndManager().load_by_framework("ir")
    with pytest.raises(mine.frontend.NotImplementedFailure, match="operations of IRs by"):
        other.add_extension(mine.frontend.OpExtension("Floor"))


@pytest.mark.parametrize(
    ("converter", "text"),
    [
        (lambda context: 3, "to return a list of Outputs, got int"),
        (lambda context: [3], "to return Outputs, got int"),
        (lambda context: [], "output 0, 'z', is not made"), (lambda context: {"z": []}, "got dict"),
        (lambda context: context.get_input(7), "input 7 is missing"),
        (lambda context: context.get_attribute("none"), "attribute 'none' is not given; pass a default"),
        (lambda context: context.get_values_from_const_input(0), "input 0 is not a constant"),
        (lambda context: context.get_input("x"), "the place of an input"), (lambda context: 1 / 0, "ZeroDivisionError"),
    ],
)  # fmt: skip
def test_what_a_converter_does_wrong_names_the_node(mine, converter, text):
    core = mine.Core()
    core.add_extension(mine.frontend.ConversionExtension("Mine", converter))
    with pytest.raises(RuntimeError, match=f"Mine node 'it'.*{text}"):
        core.read_model(model_of("Mine"))


def test_what_an_extension_is(mine):
    for wrong in (("Mine",), ("Mine", 3), (3, print), ("Mine", 3, print)):
        with pytest.raises(TypeError, match="a ConversionExtension takes"):
            mine.frontend.ConversionExtension(*wrong)
    core = mine.Core()
    core.add_extension(mine.frontend.OpExtension("NoSuchOperation", "Mine"))
    with pytest.raises(RuntimeError, match="there is no operation 'NoSuchOperation'"):
        core.read_model(model_of("Mine"))

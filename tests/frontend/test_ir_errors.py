"""IR that is damaged, or made to do harm: a ModelError that says what is wrong."""

import io

import numpy as np
import pytest

import ovlite
from ovlite.errors import ModelError
from ovlite.frontend.ir import read_ir, to_bytes

from .ir_models import Builder


@pytest.fixture(scope="module")
def ir():
    """x[3] + a constant, as text, and its weights."""
    ops = Builder("ovlite").ops
    x = ops.parameter([3], np.float32, name="x")
    constant = ops.constant(np.array([1, 2, 3], np.float32), name="c")
    document, weights = to_bytes(ovlite.Model([ops.result(ops.add(x, constant, name="sum"), name="y")], [x], "small"))
    return document.decode(), weights


def refuse(document, weights, match):
    with pytest.raises(ModelError, match=match):
        read_ir(document.encode() if isinstance(document, str) else document, weights)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('version="11"', 'version="9"', "version '9'"),
        ('version="11"', "", "version ''"),
        ("<net ", "<nets ", "not well-formed"),
        ('offset="0"', 'offset="4"', "bytes 4 to 16"),
        ('offset="0"', 'offset="-1"', "bytes -1"),
        ('offset="0"', 'offset="9223372036854775807"', "weights that have 12 bytes"),
        ('offset="0"', 'offset="99999999999999999999"', "to be a whole number, got"),
        ('offset="0"', 'offset="x"', "to be a whole number, got"),
        ('offset="0"', "", "offset to be a whole number, got ''"),
        ('size="12"', 'size="8"', "needs 12 bytes, its size is 8"),
        ('size="12"', 'size="-12"', "bytes 0 to -12"),
        ('element_type="f32" shape="3"', 'element_type="f32" shape="-3"', "none negative"),
        ('element_type="f32" shape="3"', 'element_type="f32" shape="4294967296,4294967296"', "needs 7378697629483820"),
        ('element_type="f32" shape="3"', 'element_type="f32" shape="3,3"', "needs 36 bytes"),
        ('element_type="f32" shape="3"', 'element_type="f99" shape="3"', "expected an element type"),
        ('shape="3" element_type="f32"', 'shape="3" element_type="f99"', "no element type and shape"),
        ('shape="3" element_type="f32"', 'shape="a" element_type="f32"', "no element type and shape"),
        ('<edge from-layer="0" from-port="0" to-layer="2" to-port="0" />', "", "no edge leads to its input port 0"),
        ('from-layer="0" from-port="0"', 'from-layer="0" from-port="7"', "port 7 of layer 0, which there is not"),
        ('from-layer="0" from-port="0"', 'from-layer="77" from-port="0"', "port 0 of layer 77, which there is not"),
        ('to-layer="3" to-port="0"', 'to-layer="3" to-port="9"', "port 9 of layer 3, which there is not"),
        ('from-layer="0" from-port="0" to-layer="2"', 'from-layer="2" from-port="2" to-layer="2"', "cycle"),
        ('to-layer="2" to-port="0"', 'to-layer="2" to-port="1"', "two edges"),
        ('layer id="1"', 'layer id="0"', "the id 0"),
        ('auto_broadcast="numpy"', 'auto_broadcast="sideways"', "sum"),
        ('type="Add" version="opset1"', 'type="Convert" version="opset1"', "destination_type"),
        ('type="Add" version="opset1"', 'type="Sqrt" version="opset1"', "auto_broadcast = 'numpy' is none of the oper"),
        ('auto_broadcast="numpy"', 'auto_broadcast="numpy" carry="1"', "carry = '1' is none of.* are: auto_broadcast"),
    ],
)  # fmt: skip
def test_damage(ir, old, new, match):
    document, weights = ir
    assert old in document
    refuse(document.replace(old, new, 1), weights, match)


def test_inputs_that_an_operation_does_not_have(ir):
    document, weights = ir
    start = document.index('type="Add"')
    changed = document[:start] + document[start:].replace('<data auto_broadcast="numpy" />', "", 1)
    assert changed != document
    refuse(changed.replace('type="Add"', 'type="Sqrt"'), weights, r"at most 1 inputs \(input_value\), got 2")


def test_a_document_that_is_cut_short(ir):
    document, weights = ir
    for length in range(0, len(document) - 1, 50):
        refuse(document[:length], weights, "not well-formed")


def test_weights_that_are_cut_short(ir, tmp_path):
    document, weights = ir
    refuse(document, weights[:-1], "weights that have 11 bytes")
    (tmp_path / "model.xml").write_text(document)
    (tmp_path / "model.bin").write_bytes(weights[:5])
    with pytest.raises(RuntimeError, match="weights that have 5 bytes"):
        ovlite.Core().read_model(tmp_path / "model.xml")


@pytest.mark.parametrize(
    "declaration",
    [
        "<!DOCTYPE net>",
        '<!DOCTYPE net SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE net [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE net [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_doctype_is_refused(ir, declaration, encoding):
    document, weights = ir
    text = declaration + document.partition("?>")[2]
    refuse(text.encode(encoding), weights, "DOCTYPE")


def test_all_unknown_layers_are_named_at_once(ir):
    document, weights = ir
    layer = '<layer id="{0}" name="n{0}" type="{1}" version="{2}" />'
    unknown = [(50, "FooBar", "opset1"), (51, "Add", "my_domain"), (52, "TopK", "opset99999")]
    more = "".join(layer.format(*values) for values in unknown)
    refuse(document.replace("</layers>", more + "</layers>"), weights,
           "3 layers .*'n50': FooBar, opset1; 'n51': Add, my_domain; 'n52': TopK, opset99999")  # fmt: skip


def test_rt_info_that_is_nested_too_deep(ir):
    document, weights = ir
    deep = "<rt_info>" + "<a>" * 5000 + "</a>" * 5000 + "</rt_info>"
    refuse(document.replace("<rt_info />", deep), weights, "nested deeper")


def test_a_port_map_that_leads_nowhere():
    document, weights = to_bytes(Builder("ovlite").choice())
    text = document.decode()
    for old, new, match in (
        ('external_port_id="1"', 'external_port_id="8"', "no input port 8"),
        ('internal_layer_id="0"', 'internal_layer_id="1"', "no Parameter of its body with id 1"),
        ("then_body", "body", "no then_body"),
        ('<output external_port_id="2" internal_layer_id="2" />', "", "gives values to outputs"),
    ):
        assert old in text
        refuse(text.replace(old, new), weights, match)


def test_names_that_xml_can_not_hold(tmp_path):
    ops = Builder("ovlite").ops
    x = ops.parameter([1], np.float32, name='<&>"\x00\n\ud800')
    ovlite.serialize(ovlite.Model([x], [x], "a<b"), tmp_path / "model.xml")
    model = ovlite.Core().read_model(tmp_path / "model.xml")
    assert model.get_friendly_name() == "a<b"
    assert model.inputs[0].names == {'<&>"?\n?'}


def test_writing(tmp_path):
    model = Builder("ovlite").constants()
    for wrong in (
        lambda: ovlite.serialize(model, tmp_path / "model.bin"),
        lambda: ovlite.save_model(model, tmp_path / "m"),
        lambda: ovlite.serialize(model, tmp_path / "m.xml", version="IR_V9"),
        lambda: ovlite.serialize(model, 3),
        lambda: ovlite.save_model(model, io.BytesIO()),
    ):
        with pytest.raises(RuntimeError):
            wrong()
    for wrong in (
        lambda: ovlite.save_model(3, tmp_path / "m.xml"),
        lambda: ovlite.serialize(model, tmp_path / "m.xml", version=11),
    ):
        with pytest.raises(TypeError):
            wrong()
    assert list(tmp_path.iterdir()) == []

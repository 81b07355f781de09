"""What rt_info shows of a model, and the values in boxes that it is made of."""

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [("False", bool, False), ("True", bool, True), ("YES", bool, True), ("NO", bool, False), ("0", bool, False)]
    + [("3", int, 3), (3.7, int, 3), ("3.7", int, 3), ("3.5", float, 3.5), (2, float, 2.0)]
    + [(3, str, "3"), (3.5, str, "3.5"), (True, str, "YES"), ([1, 2], str, "1 2"), (None, str, "")]
    + [("a b", str, "a b")],
)
def test_a_value_reads_as_a_type(lab, value, kind, expected):
    read = lab.ov.OVAny(value).astype(kind)
    assert read == expected and type(read) is type(expected)


@pytest.mark.parametrize(("value", "kind"), [("x", int), ("maybe", bool), ("x", float)])
def test_a_value_that_is_of_another_type(lab, value, kind):
    with pytest.raises(RuntimeError):
        lab.ov.OVAny(value).astype(kind)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [("a b c", str, ["a", "b", "c"]), ("1 2 3", int, [1, 2, 3]), ("1 2.5", float, [1.0, 2.5]), ("", str, [])]
    + [([1, 2], int, [1, 2]), (["a", "b c"], str, ["a", "b c"]), ("True False", bool, [True, False])],
)
def test_a_value_reads_as_a_list(lab, value, kind, expected):
    assert lab.ov.OVAny(value).aslist(kind) == expected


def test_a_number_is_no_list(lab):
    with pytest.raises(RuntimeError):
        lab.ov.OVAny(3).aslist(int)


def test_items_are_those_of_the_value(lab):
    box = lab.ov.OVAny({"a": 1, "b": 2})
    assert box["a"] == 1 and len(box) == 2 and list(lab.ov.OVAny([1, 2])) == [1, 2]
    with pytest.raises(KeyError):
        box["c"]


def test_an_item_is_set(mine):
    """openvino sets it in a copy, which is lost."""
    box = mine.ov.OVAny({"a": 1})
    box["b"] = 2
    assert box.value == {"a": 1, "b": 2}


def test_a_tree_of_notes_is_of_dicts_with_boxes_at_the_leaves(lab):
    model = lab.plus_one()
    model.set_rt_info({"u": {"v": 1}, "w": "x"}, "tree")
    tree = model.get_rt_info()["tree"]
    assert isinstance(tree, dict) and isinstance(tree["u"], dict)
    assert tree["u"]["v"].value == 1 and tree["w"].astype(str) == "x"
    assert [isinstance(item, dict) for item in model.rt_info.values()] == [True]
    assert model.get_rt_info("tree").astype(dict)["w"].value == "x"


def test_notes_come_back_as_text_from_a_file(lab, tmp_path):
    ov, model = lab.ov, lab.plus_one()
    notes = {"labels": ["cat", "dog"], "scale": 0.5, "swap": True, "size": [3, 4]}
    for name, value in notes.items():
        model.set_rt_info(value, ["model_info", name])
    ov.save_model(model, tmp_path / "m.xml")
    found = ov.Core().read_model(tmp_path / "m.xml").get_rt_info()["model_info"]
    assert {name: item.value for name, item in found.items()} == {
        "labels": "cat dog", "scale": "0.5", "swap": "YES", "size": "3 4"
    }  # fmt: skip
    assert found["size"].aslist(int) == [3, 4] and found["swap"].astype(bool) is True


def test_the_metadata_of_an_onnx_model_are_notes(lab, tmp_path):
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value("x", 1, [2])], [value("y", 1, [2])]
    )
    proto = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(proto, tmp_path / "plain.onnx")
    onnx.helper.set_model_props(proto, {"character": "a\nb", "k": ""})
    onnx.save(proto, tmp_path / "m.onnx")
    core = lab.ov.Core()
    model = core.read_model(tmp_path / "m.onnx")
    notes = model.get_rt_info()["framework"]
    assert {name: item.value for name, item in notes.items()} == {"character": "a\nb", "k": ""}
    assert model.get_rt_info(["framework", "character"]).astype(str).splitlines() == ["a", "b"]
    assert "framework" not in core.read_model(tmp_path / "plain.onnx").get_rt_info()
    assert core.compile_model(model, "CPU")(np.array([-1, 2], np.float32))[0].tolist() == [0, 2]


def test_a_note_that_is_not_there_is_told_in_words_that_programs_know(lab):
    for path in ("a", ["model_info", "labels"]):
        with pytest.raises(RuntimeError, match="Cannot get runtime attribute. Path to runtime attribute is incorrect."):
            lab.plus_one().get_rt_info(path)

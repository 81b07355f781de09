"""Operations that users write in Python."""

import numpy as np
import pytest

F32 = np.float32


@pytest.fixture
def scaled(lab):
    """Multiplies by a factor."""

    class Scaled(lab.ov.Op):
        def __init__(self, inputs=None, factor=2.0, power=1):
            super().__init__(self, inputs)
            self._attributes = {"factor": factor, "power": power}

        def validate_and_infer_types(self):
            self.set_output_type(0, self.get_input_element_type(0), self.get_input_partial_shape(0))

        def clone_with_new_inputs(self, new_inputs):
            return Scaled(new_inputs, **self._attributes)

        def visit_attributes(self, visitor):
            visitor.on_attributes(self._attributes)
            return True

        def has_evaluate(self):
            return True

        def evaluate(self, outputs, inputs):
            outputs[0].shape = inputs[0].shape
            outputs[0].data[...] = inputs[0].data * self._attributes["factor"] ** self._attributes["power"]
            return True

    return Scaled


def test_a_node(lab, scaled):
    x = lab.parameter()
    for inputs in ([x], [x.output(0)]):
        node = scaled(inputs, 3.0)
        assert node.get_type_name() == node.get_type_info().name == "Scaled" and list(node.shape) == [2, 3]
        assert node.get_type_info().version_id == "extension" and node.get_element_type() == lab.ov.Type.f32
        assert node.get_attributes() == {"factor": 3.0, "power": 1} and isinstance(node, lab.ov.Op)
    assert scaled().get_output_size() == 0


def test_models_compute_it(lab, scaled, A):
    x = lab.parameter()
    model = lab.ov.Model([lab.ops.relu(scaled([x], -3.0)), scaled([lab.ops.exp(x)])], [x])
    results = lab.compile(model)([-A])
    np.testing.assert_array_equal(results[0], A * 3)
    np.testing.assert_allclose(results[1], np.exp(-A) * 2, rtol=1e-6)
    out = [lab.ov.Tensor(A), lab.ov.Tensor(A)]
    assert model.evaluate(out, [lab.ov.Tensor(-A)]) and out[0].data.tolist() == (A * 3).tolist()


def test_shapes_follow(lab, scaled):
    x = lab.parameter((-1, 3))
    model = lab.ov.Model([scaled([x])], [x])
    assert str(model.output().partial_shape) == "[?,3]" and str(model.clone().output().partial_shape) == "[?,3]"
    compiled = lab.compile(model)
    for rows in (1, 4, 0):
        assert compiled([np.ones((rows, 3), F32)])[0].tolist() == [[2.0] * 3] * rows
    model.reshape([5, 3])
    assert list(model.output().shape) == [5, 3]


def test_several_outputs(lab):
    class Two(lab.ov.Op):
        def __init__(self, inputs=None):
            super().__init__(self, inputs)

        def validate_and_infer_types(self):
            self.set_output_size(2)
            for index in range(2):
                self.set_output_type(index, lab.ov.Type.i64, lab.ov.PartialShape([index + 1]))

        def clone_with_new_inputs(self, new_inputs):
            return Two(new_inputs)

        def has_evaluate(self):
            return True

        def evaluate(self, outputs, inputs):
            for index, output in enumerate(outputs):
                output.data[...] = index + inputs[0].data.size
            return True

    x = lab.parameter()
    node = Two([x])
    assert node.get_output_size() == 2 and [list(output.shape) for output in node.outputs()] == [[1], [2]]
    results = lab.compile(lab.ov.Model([node.output(1), node.output(0)], [x]))([np.ones((2, 3), F32)])
    assert results[0].tolist() == [7, 7] and results[1].tolist() == [6] and results[0].dtype == np.int64


@pytest.mark.parametrize("wrapped", [False, True])
def test_irs_with_it(lab, scaled, wrapped, tmp_path, A):
    x = lab.parameter()
    model = lab.ov.Model([lab.ops.result(scaled([x], 0.5, 2), name="y")], [x])
    lab.ov.serialize(model, tmp_path / "m.xml")
    core = lab.ov.Core()
    with pytest.raises(RuntimeError, match="Scaled"):
        core.read_model(tmp_path / "m.xml")
    core.add_extension(lab.ov.OpExtension(scaled) if wrapped else scaled)
    read = core.read_model(tmp_path / "m.xml")
    (node,) = [node for node in read.get_ordered_ops() if node.get_type_name() == "Scaled"]
    assert node.get_attributes() == {"factor": 0.5, "power": 2}
    np.testing.assert_array_equal(lab.compile(read)([A])["y"], A / 4)


def test_an_operation_that_can_not_be_computed(lab):
    class Bare(lab.ov.Op):
        def __init__(self, inputs=None):
            super().__init__(self, inputs)

        def validate_and_infer_types(self):
            self.set_output_type(0, lab.ov.Type.f32, lab.ov.PartialShape([1]))

        def clone_with_new_inputs(self, new_inputs):
            return Bare(new_inputs)

    x = lab.parameter()
    model = lab.ov.Model([Bare([x])], [x])
    with pytest.raises(RuntimeError):
        lab.compile(model)([np.ones((2, 3), F32)])


def test_half_precision_is_computed_in_f32(mine):
    """openvino's device gives such an operation the type that its precision hint asks for."""
    seen = []

    class Seeing(mine.ov.Op):
        def __init__(self, inputs=None):
            super().__init__(self, inputs)

        def validate_and_infer_types(self):
            self.set_output_type(0, self.get_input_element_type(0), self.get_input_partial_shape(0))

        def evaluate(self, outputs, inputs):
            seen.append(inputs[0].element_type.get_type_name())
            outputs[0].data[...] = inputs[0].data
            return True

    x = mine.parameter((2,), np.float16)
    result = mine.compile(mine.ov.Model([Seeing([x])], [x]))([np.array([1.5, 2], np.float16)])[0]
    assert seen == ["f32"] and result.dtype == np.float16 and result.tolist() == [1.5, 2]


def test_what_is_no_extension(mine):
    core = mine.ov.Core()
    for wrong, error in ((3, TypeError), (object(), TypeError), (int, TypeError), ("/lib.so", RuntimeError)):
        with pytest.raises(error):
            core.add_extension(wrong)
    with pytest.raises(RuntimeError):
        mine.ov.OpExtension(int)

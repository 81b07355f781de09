"""Passes that users write and run: patterns, rewrites, and the passes that are ready."""

import numpy as np
import pytest

F32 = np.float32


@pytest.fixture
def passes(lab):
    return lab.submodule("passes")


def types(model):
    return sorted(node.get_type_name() for node in model.get_ordered_ops())


def scaled(lab):
    """y = relu(x) * 2"""
    x = lab.parameter((1, 3, 4))
    relu = lab.ops.relu(x, name="relu")
    product = lab.ops.multiply(relu, lab.ops.constant(F32(2)), name="product")
    return lab.ov.Model([lab.ops.result(product, name="y")], [x], "scaled"), relu, product


def replacing(lab, passes, kind, make):
    """A matcher pass that puts make(input) in the place of an operation."""

    class Replacing(passes.MatcherPass):
        def __init__(self):
            passes.MatcherPass.__init__(self)
            self.seen = []

            def callback(matcher):
                root = matcher.get_match_root()
                self.seen.append(root.get_friendly_name())
                lab.submodule("utils").replace_node(root, make(root.input_value(0)))
                return True

            self.register_matcher(passes.Matcher(passes.WrapType(kind), "Replacing"), callback)

    return Replacing()


def run(passes, model, *transformations):
    manager = passes.Manager()
    for transformation in transformations:
        assert manager.register_pass(transformation) is transformation
    assert manager.run_passes(model) is None


def test_a_matcher_pass(lab, passes):
    model, _, _ = scaled(lab)
    transformation = replacing(lab, passes, "opset13.Relu", lab.ops.exp)
    run(passes, model, transformation)
    assert types(model) == ["Constant", "Exp", "Multiply", "Parameter", "Result"] and transformation.seen == ["relu"]
    A = np.ones((1, 3, 4), F32)
    np.testing.assert_allclose(lab.compile(model)([A])[0], 2 * np.exp(A), rtol=1e-6)


def test_a_matcher_and_its_callback(lab, passes):
    model, relu, _ = scaled(lab)
    source = passes.WrapType("opset8.Parameter")
    pattern = passes.WrapType("opset8.Relu", source.output(0))
    found = []

    def callback(matcher):
        values = matcher.get_pattern_value_map()
        found.append((values[source].get_node() == model.parameters[0], values[pattern].get_node() == relu))
        return False

    run(passes, model, passes.MatcherPass(passes.Matcher(pattern, "m"), callback))
    assert found == [(True, True)] and "Relu" in types(model)


def test_a_matcher_pass_on_one_node(lab, passes):
    model, relu, product = scaled(lab)
    transformation = replacing(lab, passes, "opset13.Relu", lab.ops.exp)
    assert transformation.apply(product) is False and transformation.apply(relu) is True
    assert "Exp" in types(model)


def test_a_node_that_was_replaced_is_not_tried_again(lab, passes):
    x = lab.parameter()
    chain = lab.ops.relu(lab.ops.relu(lab.ops.relu(x, name="a"), name="b"), name="c")
    model = lab.ov.Model([lab.ops.result(chain)], [x])
    del chain

    seen = []

    def callback(matcher):
        root = matcher.get_match_root()
        seen.append(root.get_friendly_name())
        root.output(0).replace(root.input_value(0).get_node().input_value(0))
        return True

    pattern = passes.WrapType("opset13.Relu", passes.WrapType("opset13.Relu"))
    backward = passes.BackwardGraphRewrite()
    backward.add_matcher(passes.MatcherPass(passes.Matcher(pattern, "pairs"), callback))
    run(passes, model, backward)
    assert seen == ["c"] and types(model).count("Relu") == 1


def test_rewrites_go_forward_and_backward(lab, passes):
    model, _, _ = scaled(lab)
    forward, backward = passes.GraphRewrite(), passes.BackwardGraphRewrite()
    for rewrite, order in ((forward, ["relu", "product"]), (backward, ["product", "relu"])):
        seen = []
        pattern = passes.WrapType(["opset13.Relu", "opset13.Multiply"])
        matcher = passes.Matcher(pattern, "order")
        added = passes.MatcherPass(
            matcher, lambda found, to=seen: to.append(found.get_match_root().get_friendly_name())
        )
        assert rewrite.add_matcher(added) is added
        run(passes, model, rewrite)
        assert seen == order


def test_new_nodes_are_tried_too(lab, passes):
    class Inserting(passes.MatcherPass):
        def __init__(self):
            super().__init__()

            def callback(matcher):
                value = matcher.get_match_value()
                readers = value.get_target_inputs()
                exp = lab.ops.exp(value)
                for reader in readers:
                    reader.replace_source_output(exp.output(0))
                self.register_new_node(exp)
                return False

            self.register_matcher(passes.Matcher(passes.WrapType("opset13.Parameter"), "Inserting"), callback)

    model, _, _ = scaled(lab)
    rewrite = passes.GraphRewrite()
    rewrite.add_matcher(Inserting())
    rewrite.add_matcher(replacing(lab, passes, "opset13.Exp", lab.ops.tanh))
    run(passes, model, rewrite)
    assert types(model) == ["Constant", "Multiply", "Parameter", "Relu", "Result", "Tanh"]


def test_a_model_pass(lab, passes):
    class Counting(passes.ModelPass):
        def __init__(self):
            super().__init__()
            self.names = []

        def run_on_model(self, model):
            self.names = [node.get_friendly_name() for node in model.get_ops()]

    model, _, _ = scaled(lab)
    counting = Counting()
    run(passes, model, counting)
    assert {"relu", "product", "x", "y"} <= set(counting.names)
    counting.set_name("named")
    assert counting.get_name() == "named"


def test_errors_of_passes(lab, passes):
    model, _, _ = scaled(lab)

    class Failing(passes.ModelPass):
        def run_on_model(self, model):
            raise ValueError("boo")

    with pytest.raises(ValueError, match="boo"):
        run(passes, model, Failing())

    def callback(matcher):
        raise KeyError("k")

    matcher = passes.Matcher(passes.WrapType("opset13.Relu"), "m")
    with pytest.raises(RuntimeError, match="'k'"):
        run(passes, model, passes.MatcherPass(matcher, callback))
    for wrong in ("ConstantFolding", 3, passes.ConstantFolding):
        with pytest.raises(TypeError):
            passes.Manager().register_pass(wrong)
    with pytest.raises(TypeError):
        passes.Manager().run_passes(3)


@pytest.mark.parametrize(
    "name", ["", "ops", "Parameter", "opset.Parameter", "opset99.Relu", "Relu.opset13", "opset13.Nope"]
)
def test_operations_that_patterns_do_not_know(passes, name):
    with pytest.raises(RuntimeError):
        passes.WrapType(name)


def test_types_and_inputs(lab, passes):
    _, relu, product = scaled(lab)
    wrap, match = passes.WrapType, lambda pattern, node: passes.Matcher(pattern, "m").match(node)
    a, b = wrap("opset13.Relu"), wrap("opset13::Constant")
    assert match(wrap("opset1.Multiply"), product) and match(wrap("opset13.Multiply"), product.output(0))
    assert not match(wrap("opset13.Relu"), product) and match(wrap(["opset13.Add", "opset13.Multiply"]), product)
    for inputs in ([a, b], [b, a], [a.output(0), b.output(0)], [passes.AnyInput(), passes.AnyInput()]):
        assert match(wrap("opset13.Multiply", inputs), product)
    for inputs in ([a], [a, a], [a, b, b]):
        assert not match(wrap("opset13.Multiply", inputs), product)
    difference = lab.ops.subtract(lab.ops.constant(F32(2)), relu)
    assert match(wrap("opset13.Subtract", [b, a]), difference)
    assert not match(wrap("opset13.Subtract", [a, b]), difference)
    assert match(passes.Or([wrap("opset13.Sigmoid"), a]), relu) and not match(passes.Or([b]), relu)
    assert match(lab.ops.relu(passes.AnyInput()), relu) and not match(lab.ops.exp(passes.AnyInput()), relu)
    same = passes.AnyInput()
    assert match(wrap("opset13.Add", [same, same]), lab.ops.add(relu, relu))
    assert not match(wrap("opset13.Add", [same, same]), lab.ops.add(relu, product))
    matmul = lab.ops.matmul(passes.AnyInput(), passes.AnyInput(), False, False)
    assert match(matmul, lab.ops.matmul(relu, product, False, True))


def test_versions_of_operations(lab, passes):
    x = lab.parameter((1, 3))
    node = lab.ops.topk(x, np.int64(1), 1, "max", "value")
    assert passes.Matcher(passes.WrapType("opset13.TopK"), "m").match(node)


def test_operations_that_may_be_missing(lab, passes):
    _, relu, product = scaled(lab)
    bare = lab.ops.multiply(lab.parameter((1, 3, 4)), lab.ops.constant(F32(2)))
    optional = passes.Optional(["opset13.Relu"], passes.AnyInput())
    matcher = passes.Matcher(passes.WrapType("opset13.Multiply", [optional, passes.WrapType("opset13.Constant")]), "m")
    assert matcher.match(product) and optional in matcher.get_pattern_value_map()
    assert matcher.match(bare) and optional not in matcher.get_pattern_value_map()
    assert passes.Matcher(passes.Optional(["opset13.Relu"]), "m").match(relu)
    assert not passes.Matcher(passes.Optional(["opset13.Relu"]), "m").match(product)
    assert not passes.Matcher(passes.Optional(["opset13.Relu"], lambda output: False), "m").match(relu)


def test_what_a_matcher_tells(lab, passes):
    _, relu, product = scaled(lab)
    a, b = passes.WrapType("opset13.Relu"), passes.WrapType("opset13.Constant")
    pattern = passes.WrapType("opset13.Multiply", [b, a])
    matcher = passes.Matcher(pattern, "told")
    assert matcher.match(product) and matcher.get_name() == "told"
    assert matcher.get_match_root() == product and matcher.get_match_value() == product.output(0)
    assert matcher.get_match_nodes()[:2] == [product, relu] and len(matcher.get_match_values()) == 3
    assert set(matcher.get_pattern_value_map()) == {pattern, a, b}
    assert not matcher.match(relu) and matcher.get_match_root() is None and matcher.get_pattern_value_map() == {}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda passes, ov: passes.consumers_count(1), True),
        (lambda passes, ov: passes.consumers_count(2), False),
        (lambda passes, ov: passes.has_static_shape(), False),
        (lambda passes, ov: passes.has_static_rank(), True),
        (lambda passes, ov: passes.has_static_dim(1), True),
        (lambda passes, ov: passes.has_static_dim(0), False),
        (lambda passes, ov: passes.has_static_dims([1, 2]), True),
        (lambda passes, ov: passes.has_static_dims([0, 1]), False),
        (lambda passes, ov: passes.rank_equals(ov.Dimension(3)), True),
        (lambda passes, ov: passes.rank_equals(ov.Dimension(4)), False),
        (lambda passes, ov: passes.type_matches(ov.Type.f32), True),
        (lambda passes, ov: passes.type_matches(ov.Type.i32), False),
        (lambda passes, ov: passes.type_matches_any([ov.Type.i32, ov.Type.f32]), True),
        (lambda passes, ov: passes.shape_matches("[?,3,4]"), True),
        (lambda passes, ov: passes.shape_matches("[?,C,4]"), True),
        (lambda passes, ov: passes.shape_matches("[N,C,4]"), False),
        (lambda passes, ov: passes.shape_matches("[?,C,5]"), False),
        (lambda passes, ov: passes.shape_matches("[?,C,C]"), False),
        (lambda passes, ov: passes.shape_matches("[?,3,...]"), True),
        (lambda passes, ov: passes.shape_matches("[N,C]"), False),
        (lambda passes, ov: passes.attrs_match({"min": 0.0}), True),
        (lambda passes, ov: passes.attrs_match({"min": 1.0}), False),
        (lambda passes, ov: passes.Predicate(), True),
        (lambda passes, ov: passes.Predicate(lambda output: output.get_element_type() == ov.Type.i8), False),
        (lambda passes, ov: (lambda output: len(output.get_partial_shape()) == 3), True),
    ],
)  # fmt: skip
def test_predicates(lab, passes, make, expected):
    clamp = lab.ops.clamp(lab.parameter((-1, 3, 4)), 0.0, 6.0)
    kept = lab.ops.relu(clamp)
    assert passes.Matcher(passes.WrapType("opset13.Clamp", make(passes, lab.ov)), "m").match(clamp) is expected
    assert passes.Matcher(passes.AnyInput(make(passes, lab.ov)), "m").match(clamp) is expected
    del kept


def test_names_of_dimensions(lab, passes):
    _, relu, product = scaled(lab)
    first = passes.WrapType("opset13.Relu", passes.shape_matches("[A,B,C]"))
    matcher = passes.Matcher(first, "m")
    assert matcher.match(relu) and matcher.get_symbols() == {"A": 1, "B": 3, "C": 4}
    matcher = passes.Matcher(passes.WrapType("opset13.Relu", passes.shape_matches("[A,B...]")), "m")
    assert matcher.match(relu) and matcher.get_symbols() == {"A": 1, "B": [3, 4]}
    inner = passes.WrapType("opset13.Relu", passes.shape_matches("[?,C,A]"))
    outer = passes.WrapType("opset13.Multiply", [inner, passes.AnyInput()], passes.shape_matches("[A,B,C]"))
    assert not passes.Matcher(outer, "m").match(product)


def test_constant_folding(lab, passes):
    x = lab.parameter((2, 3))
    relu = lab.ops.relu(x)
    total = lab.ops.add(lab.ops.constant([1, 2]), lab.ops.constant([3, 4]))
    halves = lab.ops.convert(lab.ops.convert(lab.ops.constant(F32([1.5, 2])), "bf16"), "f32")
    model = lab.ov.Model([lab.ops.reshape(relu, lab.ops.shape_of(relu), False), total, halves], [x])
    run(passes, model, passes.ConstantFolding())
    assert not {"ShapeOf", "Add", "Convert"} & set(types(model))
    assert model.results[1].input_value(0).get_node().data.tolist() == [4, 6]
    assert model.results[2].input_value(0).get_node().data.tolist() == [1.5, 2]


@pytest.mark.parametrize("pairs", ["nodes", "names"])
def test_make_stateful(lab, passes, pairs):
    x, s = lab.parameter((1, 2)), lab.parameter((1, 2), name="s")
    total = lab.ops.add(x, s)
    model = lab.ov.Model([lab.ops.result(total, name="o"), lab.ops.result(lab.ops.relu(total), name="y")], [x, s])
    given = {"s": "o"} if pairs == "names" else [(model.parameters[1], model.results[0])]
    run(passes, model, passes.MakeStateful(given))
    assert len(model.inputs) == len(model.outputs) == 1
    assert [variable.info.variable_id for variable in model.get_variables()] == ["so"]
    request = lab.compile(model).create_infer_request()
    assert [request.infer([np.ones((1, 2), F32)])[0].tolist() for _ in range(3)] == [[[1, 1]], [[2, 2]], [[3, 3]]]
    with pytest.raises(RuntimeError):
        run(passes, model, passes.MakeStateful({"nope": "y"}))


def summing(lab):
    """The sum over time of X [1, T, 2] and H, by a TensorIterator."""
    x, h = lab.parameter((1, 2, 2), name="X"), lab.parameter((1, 2), name="H")
    step, state = lab.parameter((1, 1, 2), name="step"), lab.parameter((1, 2), name="state")
    total = lab.ops.add(lab.ops.squeeze(step, np.array([1])), state)
    loop = lab.ops.tensor_iterator()
    loop.set_body(lab.ov.Model([total], [step, state], "body"))
    loop.set_sliced_input(step, x.output(0), 0, 1, 1, -1, 1)
    loop.set_merged_input(state, h.output(0), total.output(0))
    loop.set_friendly_name("loop")
    return lab.ov.Model([lab.ops.result(loop.get_iter_value(total.output(0), -1), name="R")], [x, h])


@pytest.mark.parametrize("zeros", [True, False])
def test_low_latency_of_a_loop(lab, passes, zeros):
    model = summing(lab)
    run(passes, model, passes.LowLatency2(zeros))
    assert [variable.info.variable_id for variable in model.get_variables()] == ["loop/state/variable_1"]
    assert len(model.sinks) == 1 and ("Broadcast" in types(model)) is zeros


@pytest.mark.parametrize(("zeros", "expected"), [(True, [4, 8]), (False, [9, 13])])
def test_a_loop_goes_on(mine, zeros, expected):
    """openvino's device starts the loop from zeros, with the pass and without it."""
    model, passes = summing(mine), mine.submodule("passes")
    run(passes, model, passes.LowLatency2(zeros))
    request = mine.compile(model).create_infer_request()
    inputs = {"X": np.full((1, 2, 2), 2, F32), "H": np.full((1, 2), 5, F32)}
    assert [request.infer(inputs)["R"].tolist() for _ in range(2)] == [[[value] * 2] for value in expected]


def test_low_latency_of_a_sequence(lab, passes):
    x, h = lab.parameter((1, 1, 2)), lab.parameter((1, 1, 3), name="h")
    weights = [np.full(shape, 0.5, F32) for shape in ((1, 3, 2), (1, 3, 3), (1, 3))]
    lengths = lab.ops.constant(np.array([1], np.int32))
    node = lab.ops.rnn_sequence(x, h, lengths, *weights, 3, "forward", ["tanh"], name="rnn")
    model = lab.ov.Model([lab.ops.result(node.output(1), name="R")], [x, h])
    run(passes, model, passes.LowLatency2())
    request = lab.compile(model).create_infer_request()
    state = 0.0
    for _ in range(3):
        state = np.tanh(0.5 * 2 + 0.5 * 3 * state + 0.5)
        found = request.infer({0: np.ones((1, 1, 2), F32), 1: np.ones((1, 1, 3), F32)})["R"]
        np.testing.assert_allclose(found, np.full((1, 1, 3), state), rtol=1e-5)


def test_convert_to_halves(lab, passes):
    model, _, _ = scaled(lab)
    run(passes, model, passes.ConvertFP32ToFP16())
    halves = lab.ov.Type.f16
    assert model.input().element_type == model.output().element_type == halves and model.output().names == {"y"}
    assert all(node.get_element_type() == halves for node in model.get_ordered_ops())


def test_serialize(lab, passes, tmp_path):
    model, _, _ = scaled(lab)
    files = tmp_path / "m.xml", tmp_path / "m.bin"
    run(passes, model, passes.Serialize(*files))
    read = lab.ov.Core().read_model(*files)
    assert types(read) == types(model) and read.output().names == {"y"}
    passes.Serialize(*map(str, files), "IR_V10")
    with pytest.raises(RuntimeError):
        passes.Serialize(*files, "IR_V9")
    versions = passes.Version
    assert versions.IR_V10.value == 10 and int(versions.IR_V11) == 11 and versions.UNSPECIFIED.name == "UNSPECIFIED"


@pytest.mark.parametrize(("given", "written"), [("a.svg", "a.svg.dot"), ("b.dot", "b.dot"), ("c", "c.dot")])
def test_visualize_tree(lab, passes, tmp_path, given, written):
    model, relu, product = scaled(lab)
    run(passes, model, passes.VisualizeTree(str(tmp_path / given)))
    text = (tmp_path / written).read_text()
    assert text.startswith("digraph") and f"{relu.get_name()} -> {product.get_name()}" in text


def test_replace_node(lab):
    replace = lab.submodule("utils").replace_node
    x = lab.parameter((2, 3))
    relu, split = lab.ops.relu(x), lab.ops.split(x, np.int64(1), 3)
    result = lab.ops.result(relu)
    with pytest.raises(RuntimeError):
        replace(relu, split)
    replace(relu, [split.output(2)])
    assert result.input_value(0) == split.output(2)
    other = lab.ops.split(x, np.int64(1), 3)
    replace(split, other, [2, 1, 0])
    assert result.input_value(0) == other.output(0)
    exp = lab.ops.exp(x)
    replace(other, [exp.output(0)] * 3)
    assert result.input_value(0) == exp.output(0)


def test_replace_output_update_name(lab):
    replace = lab.submodule("utils").replace_output_update_name
    x = lab.parameter((2, 3))
    relu, exp = lab.ops.relu(x, name="relu"), lab.ops.exp(x, name="exp")
    result = lab.ops.result(relu)
    assert replace(relu.output(0), exp.output(0)) is True
    assert result.input_value(0) == exp.output(0) and exp.get_friendly_name() == "relu"
    assert replace(exp.output(0), x.output(0)) is False

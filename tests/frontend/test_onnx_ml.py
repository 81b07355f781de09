"""Operators of ai.onnx.ml other than trees, against onnxruntime without optimizations."""

import numpy as np
import pytest
from onnx import TensorProto, TypeProto, helper, numpy_helper

import ovlite as ov

from .onnx_peers import ML, graph_of, hold, kind_of, mine, model_of, peer

TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"]
X = np.array([[1, -2, 3], [0, 0, 0], [-1, -5, -2], [0.5, 0.25, 2]], np.float32)
WHOLE = np.array([[1, 2, 3], [0, 5, -1]])
WORDS = np.array([["ab", "x"], ["", "ä"]], object)
NUMBERS = [X, X.astype(np.float64), WHOLE, WHOLE.astype(np.int32), X[:1], X[0], X[:0]]


def one(op, inputs, outputs=("y",), version=3, rtol=2e-6, **attributes):
    return hold(model_of(op, inputs, outputs, version, **attributes), inputs, rtol)


@pytest.mark.parametrize("x", NUMBERS, ids=lambda x: f"{x.dtype}{x.shape}")
def test_scaling(x):
    one("Scaler", {"x": x}, offset=[1.0, 2.0, 3.0], scale=[0.5, 2.0, 1.0])
    one("Scaler", {"x": x}, offset=[1.0], scale=[0.5])
    for norm in ("MAX", "L1", "L2"):
        one("Normalizer", {"x": x}, norm=norm)


def test_binarizer():
    one("Binarizer", {"x": X}, threshold=0.5)
    one("Binarizer", {"x": X})


def test_imputer():
    holes = np.where(X == 0, np.nan, X)
    one("Imputer", {"x": holes}, imputed_value_floats=[9.0], replaced_value_float=float("nan"))
    one("Imputer", {"x": X}, imputed_value_floats=[9.0, 8.0, 7.0], replaced_value_float=0.0)
    one("Imputer", {"x": WHOLE}, imputed_value_int64s=[9], replaced_value_int64=0)
    one("Imputer", {"x": WHOLE}, imputed_value_int64s=[9, 8, 7], replaced_value_int64=5)


@pytest.mark.parametrize("x", [X, X[0], np.ones((2, 3, 4), np.float32), WHOLE, np.tile(WORDS, 2)], ids=str)
def test_array_feature_extractor(x):
    one("ArrayFeatureExtractor", {"x": x, "i": np.array([2, 0])})
    one("ArrayFeatureExtractor", {"x": x, "i": np.array([[1]])})


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 3), (2, 2, 3)])
def test_features_of_a_tensor_whose_rank_is_known_late(shape):
    reshape = helper.make_node("Reshape", ["x", "shape"], ["r"])
    nodes = [reshape, helper.make_node("ArrayFeatureExtractor", ["r", "i"], ["y"], domain=ML)]
    inputs = {"x": np.arange(np.prod(shape), dtype=np.float32), "shape": np.array(shape), "i": np.array([2, 0])}
    given = [helper.make_tensor_value_info(name, kind_of(array), [None]) for name, array in inputs.items()]
    (found,) = hold(graph_of(nodes, given, [helper.make_value_info("y", TypeProto())]), inputs)
    assert found.shape == (*(shape[:-1] or (1,)), 2)


def test_feature_vectorizer():
    one("FeatureVectorizer", {"a": X, "b": X + 1}, inputdimensions=[3, 3])
    one("FeatureVectorizer", {"a": X, "b": X + 1}, inputdimensions=[2, 4])
    one("FeatureVectorizer", {"a": WHOLE, "b": WHOLE}, inputdimensions=[3, 3])


@pytest.mark.parametrize("zeros", [0, 1])
def test_one_hot_encoder(zeros):
    for x in (np.array([[5], [6]]), np.array([5, 6, 6]), np.array([5, 6], np.float32)):
        one("OneHotEncoder", {"x": x}, cats_int64s=[4, 5, 6], zeros=zeros)
    one("OneHotEncoder", {"x": WORDS}, cats_strings=["x", "ab", "", "ä"], zeros=zeros)


def test_what_no_category_is():
    x = {"x": np.array([5, 9])}
    one("OneHotEncoder", x, cats_int64s=[4, 5, 6])
    strict = model_of("OneHotEncoder", x, ["y"], cats_int64s=[4, 5, 6], zeros=0)
    with pytest.raises(RuntimeError, match="9 is none of the 3 categories"):
        mine(strict, x)
    words = {"x": WORDS}
    with pytest.raises(RuntimeError, match="Lookup.*'' is none of the 3 categories"):
        mine(model_of("OneHotEncoder", words, ["y"], cats_strings=["x", "ab", "ä"], zeros=0), words)


LABELS = [
    (np.array([3, 1, 7]), dict(keys_int64s=[1, 2, 3], values_floats=[0.1, 0.2, 0.3], default_float=-1.0)),
    (WORDS, dict(keys_strings=["x", "ä", "q"], values_int64s=[1, 2, 3])),
    (WHOLE, dict(keys_int64s=[1, 2, 3], values_strings=["a", "b", "ü"])),
    (X, dict(keys_floats=[1.0, 0.0, 2.0], values_strings=["a", "b", "c"], default_string="no")),
    (X, dict(keys_floats=[1.0, float("nan")], values_floats=[0.5, 2.0])),
    (WORDS, dict(keys_strings=["x", "x"], values_strings=["a", "b"])),
    (WORDS[:0], dict(keys_strings=["x"], values_strings=["a"])),
]


@pytest.mark.parametrize("x, attributes", LABELS)
def test_label_encoder(x, attributes):
    one("LabelEncoder", {"x": x}, **attributes)
    if "keys_floats" in attributes:
        nan = np.where(x == 0, np.nan, x).astype(np.float32)
        one("LabelEncoder", {"x": nan}, **attributes)


def test_label_encoder_of_tensors():
    tensor = numpy_helper.from_array
    words, doubles = np.array(["x", "ab"], object), np.array([1.0, np.nan])
    one("LabelEncoder", {"x": WORDS}, version=4, keys_tensor=tensor(words), values_tensor=tensor(np.array([1, 2])),
        default_tensor=tensor(np.array([42])))  # fmt: skip
    x = np.where(X == 0, np.nan, X).astype(np.float64)
    one("LabelEncoder", {"x": x}, version=4, keys_tensor=tensor(doubles), values_tensor=tensor(np.array([1.5, 2])),
        default_tensor=tensor(np.array([4.2])))  # fmt: skip


def test_old_encoders():
    one("LabelEncoder", {"x": WORDS}, version=1, classes_strings=["ab", "x"])
    one("LabelEncoder", {"x": WHOLE}, version=1, classes_strings=["ab", "x"])
    one("CategoryMapper", {"x": WORDS}, cats_strings=["ab", "x"], cats_int64s=[5, 6])
    one("CategoryMapper", {"x": WHOLE}, cats_strings=["ab", "x"], cats_int64s=[5, 3])


COEFFICIENTS = [1.0, -1.0, 0.5, 0.25, 0.5, 2.0]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("x", [X, X[0], WHOLE], ids=["f32", "row", "i64"])
@pytest.mark.parametrize("strings", [False, True])
def test_linear_classifier(x, transform, strings):
    names = {"classlabels_strings": ["n", "y"]} if strings else {"classlabels_ints": [7, 8]}
    given = dict(post_transform=transform, rtol=1e-5, **names)
    one("LinearClassifier", {"x": x}, ("l", "p"), coefficients=COEFFICIENTS, intercepts=[0.1, 0.2], **given)
    if transform != "PROBIT":  # of a single row of coefficients onnxruntime leaves the scores undefined
        one("LinearClassifier", {"x": x}, ("l", "p"), coefficients=COEFFICIENTS[:3], intercepts=[0.1], **given)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_linear_regressor(transform):
    given = dict(post_transform=transform, rtol=1e-5)
    one("LinearRegressor", {"x": X}, coefficients=COEFFICIENTS, intercepts=[0.1, 0.2], targets=2, **given)
    one("LinearRegressor", {"x": X}, coefficients=COEFFICIENTS, targets=2, **given)
    if transform != "LOGISTIC":  # which onnxruntime leaves out for a single target
        one("LinearRegressor", {"x": X}, coefficients=COEFFICIENTS[:3], intercepts=[0.1], **given)


KERNELS = [
    ("LINEAR", [0.5, 0.25, 3.0]),
    ("POLY", [0.5, 0.25, 3.0]),
    ("RBF", [0.5, 0.0, 0.0]),
    ("SIGMOID", [0.1, 0.2, 0]),
]


def machine(rng, classes, features=3, count=80):
    """The attributes of a classifier of support vectors, more than a panel of the kernel holds."""
    per_class = [count // classes + (i == 0) for i in range(classes)]
    total, pairs = sum(per_class), classes * (classes - 1) // 2
    return dict(
        vectors_per_class=per_class, support_vectors=rng.normal(size=total * features).tolist(),
        coefficients=rng.normal(size=total * (classes - 1)).tolist(), rho=rng.normal(size=pairs).tolist(),
    )  # fmt: skip


@pytest.mark.parametrize("kind, parameters", KERNELS)
@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("likely", [False, True], ids=["", "probabilities"])
def test_svm_classifier(kind, parameters, classes, likely):
    rng = np.random.default_rng(classes)
    x = rng.normal(size=(33, 3)).astype(np.float32)
    pairs = classes * (classes - 1) // 2
    given = dict(kernel_type=kind, kernel_params=parameters, classlabels_ints=[7, 5, 9, 1][:classes])
    if likely:
        given |= dict(prob_a=(-rng.random(pairs)).tolist(), prob_b=rng.normal(size=pairs).tolist())
    hold(model_of("SVMClassifier", {"x": x}, ["l", "p"], **machine(rng, classes), **given), {"x": x}, 1e-4, 1e-4)


@pytest.mark.parametrize("transform", TRANSFORMS[:4])
@pytest.mark.parametrize("classes", [2, 3])
def test_svm_transforms(transform, classes):
    rng = np.random.default_rng(classes)
    x = rng.normal(size=(9, 3)).astype(np.float32)
    given = dict(kernel_type="RBF", kernel_params=[0.5, 0.0, 0.0], post_transform=transform)
    given["classlabels_strings"] = ["a", "b", "c"][:classes]
    hold(model_of("SVMClassifier", {"x": x}, ["l", "p"], **machine(rng, classes), **given), {"x": x}, 1e-4, 1e-4)


@pytest.mark.parametrize("kind, parameters", KERNELS)
def test_svm_regressor(kind, parameters):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(33, 3)).astype(np.float32)
    given = dict(
        kernel_type=kind, kernel_params=parameters, n_supports=70, rho=[0.25],
        support_vectors=rng.normal(size=210).tolist(), coefficients=rng.normal(size=70).tolist(),
    )  # fmt: skip
    hold(model_of("SVMRegressor", {"x": x}, ["y"], **given), {"x": x}, 1e-4, 1e-4)
    hold(model_of("SVMRegressor", {"x": x}, ["y"], one_class=1, **given), {"x": x})
    linear = dict(coefficients=COEFFICIENTS[:3], rho=[0.5], kernel_type="LINEAR", kernel_params=[0.0, 0.0, 0.0])
    hold(model_of("SVMRegressor", {"x": x}, ["y"], **linear), {"x": x}, 1e-5)


@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_zip_map(strings, rows):
    names = ["ä", "b"] if strings else [10, 20]
    key = "strings" if strings else "ints"
    x = X[:rows]
    nodes = [
        helper.make_node("LinearClassifier", ["x"], ["label", "scores"], domain=ML, coefficients=COEFFICIENTS,
                         intercepts=[0.1, 0.2], post_transform="SOFTMAX", **{f"classlabels_{key}": names}),
        helper.make_node("ZipMap", ["scores"], ["maps"], domain=ML,
                         **{f"classlabels_{'strings' if strings else 'int64s'}": names}),
    ]  # fmt: skip
    kind = helper.make_map_type_proto(
        TensorProto.STRING if strings else TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    )
    label = helper.make_tensor_value_info("label", TensorProto.STRING if strings else TensorProto.INT64, [None])
    outputs = [label, helper.make_value_info("maps", helper.make_sequence_type_proto(kind))]
    model = graph_of(nodes, [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])], outputs)
    expected = peer(model, {"x": x})[1]
    compiled = ov.compile_model(ov.Core().read_model(model.SerializeToString()), "CPU")
    request = compiled.create_infer_request()
    for results in (compiled(x), compiled(x, share_outputs=True), request.infer(x), request.results):
        maps = results["maps"]
        assert [sorted(row) for row in maps] == [sorted(row) for row in expected]
        for mine_, theirs in zip(maps, expected, strict=True):
            np.testing.assert_allclose([mine_[key] for key in theirs], [*theirs.values()], 1e-5)
    tensor = request.get_tensor("maps").data
    assert tensor.shape == (rows, 2)
    with pytest.raises(TypeError, match="handed out as a list"):
        compiled(x, out={"maps": tensor})


def test_zip_map_through_a_file(tmp_path):
    """Maps stay when the model is saved as IR, exported or reshaped."""
    zipped = helper.make_node("ZipMap", ["x"], ["y"], domain=ML, classlabels_strings=["a, b", "<c>"])
    kind = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    outputs = [helper.make_value_info("y", helper.make_sequence_type_proto(kind))]
    model = graph_of([zipped], [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])], outputs)
    read = ov.Core().read_model(model.SerializeToString())
    ov.save_model(read, tmp_path / "m.xml", compress_to_fp16=False)
    x, expected = np.array([[0.25, 0.75]], np.float32), [{"a, b": 0.25, "<c>": 0.75}]
    compiled = ov.compile_model(read, "CPU")
    assert compiled(x)[0] == expected
    assert ov.compile_model(tmp_path / "m.xml", "CPU")(x)[0] == expected
    assert ov.Core().import_model(compiled.export_model(), "CPU")(x)[0] == expected


def test_trees_through_a_file(tmp_path):
    """What operators of ai.onnx.ml become can be saved as IR."""
    x = {"x": X}
    given = dict(support_vectors=COEFFICIENTS, coefficients=[0.5, -1.0], n_supports=2, rho=[0.25])
    model = model_of("SVMRegressor", x, ["y"], kernel_type="RBF", kernel_params=[0.5, 0.0, 0.0], **given)
    read = ov.Core().read_model(model.SerializeToString())
    ov.save_model(read, tmp_path / "m.xml", compress_to_fp16=False)
    found = ov.compile_model(tmp_path / "m.xml", "CPU")(X)[0]
    np.testing.assert_array_equal(found, mine(model, x)[0])


@pytest.mark.parametrize(
    "op, attributes, text",
    [
        ("Normalizer", dict(norm="L3"), "norm to be MAX, L1 or L2, got 'L3'"),
        ("LinearClassifier", dict(coefficients=COEFFICIENTS), "either classlabels_strings or classlabels_ints"),
        (
            "LinearClassifier",
            dict(coefficients=COEFFICIENTS[:5], intercepts=[0.1, 0.2], classlabels_ints=[1, 2]),
            "rows",
        ),
        (
            "LinearRegressor",
            dict(coefficients=COEFFICIENTS, intercepts=[0.1], targets=2),
            "an intercept for each of 2 targets, got 1",
        ),
        ("SVMRegressor", dict(coefficients=[1.0], rho=[0.0], n_supports=2, support_vectors=[1.0]), "2 support vectors"),
        ("SVMRegressor", dict(coefficients=[1.0], rho=[0.0], kernel_type="RBF"), "need support vectors"),
        ("OneHotEncoder", dict(), "either cats_strings or cats_int64s"),
        ("OneHotEncoder", dict(cats_strings=["a"]), "x is f32, the categories are strings"),
        ("Imputer", dict(replaced_value_float=0.0), "either imputed_value_floats or imputed_value_int64s"),
        ("ZipMap", dict(classlabels_int64s=[1, 2]), "2 keys for scores"),
        ("Scaler", dict(offset=[1.0], scale=[1.0], shift=[1.0]), "shift"),
    ],
)
def test_what_is_refused(op, attributes, text):
    model = model_of(op, {"x": X}, ["y", "z"][: 1 + op.endswith("Classifier")], shapes={"x": [None, 3]}, **attributes)
    with pytest.raises(RuntimeError, match=f"{op}.*{text}"):
        ov.Core().read_model(model.SerializeToString())


def test_maps_as_inputs_are_refused():
    kind = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    node = helper.make_node("DictVectorizer", ["x"], ["y"], domain=ML, string_vocabulary=["a"])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = graph_of([node], [helper.make_value_info("x", kind)], [output], version=1)
    with pytest.raises(RuntimeError, match="input 'x' of a map type.*the tensor that DictVectorizer makes of it"):
        ov.Core().read_model(model.SerializeToString())


def test_coefficients_of_more_columns_than_the_input_has(caplog):
    """As old converters write them: onnxruntime reads as many rows of the input's length as there are classes."""
    onnxruntime = pytest.importorskip("onnxruntime")
    caplog.set_level("WARNING", "ovlite")
    x = np.random.default_rng(0).random((3, 2)).astype(np.float32)
    node = helper.make_node(
        "LinearClassifier", ["x"], ["label", "scores"], domain=ML, coefficients=np.linspace(-2, 2, 12).tolist(),
        intercepts=[0.2, 0.5, -0.9], classlabels_ints=[0, 1, 2], multi_class=0, post_transform="LOGISTIC",
    )  # fmt: skip
    values = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            ("x", TensorProto.FLOAT, [3, 2]), ("label", TensorProto.INT64, [3]), ("scores", TensorProto.FLOAT, [3, 3]),
        )
    ]  # fmt: skip
    graph = helper.make_graph([node], "g", values[:1], values[1:])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid(ML, 1)], ir_version=8).SerializeToString()
    expected = onnxruntime.InferenceSession(content).run(None, {"x": x})
    core = ov.Core()
    found = core.compile_model(core.read_model(content), "CPU")(x)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-5)
    assert "of 12 coefficients the first 6 are used" in caplog.text

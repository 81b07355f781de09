"""Estimators of scikit-learn, LightGBM and XGBoost, exported to ONNX, against their own predictions.

A part runs every time; all estimators that skl2onnx converts are the sweep.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ovlite as ov

sklearn = pytest.importorskip("sklearn")
skl2onnx = pytest.importorskip("skl2onnx")

from skl2onnx._supported_operators import sklearn_operator_name_map  # noqa: E402 - behind importorskip
from sklearn import base, linear_model, pipeline, preprocessing, tree, utils  # noqa: E402

OPSET = {"": 18, "ai.onnx.ml": 3}
X = np.random.default_rng(7).normal(size=(160, 6)).astype(np.float32)
REAL = (2 * X[:, 0] + X[:, 1] - X[:, 2] ** 2).astype(np.float32)
CLASSES = np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])
BINARY = (CLASSES > 0).astype(int)
ROWS = X[:50]

LOGISTIC, RIDGE = linear_model.LogisticRegression(), linear_model.Ridge()
# What classes need to be made with.
ARGUMENTS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(
        ("OneVsRestClassifier", "OneVsOneClassifier", "OutputCodeClassifier", "CalibratedClassifierCV",
         "FixedThresholdClassifier", "BaggingClassifier", "MultiOutputClassifier"),
        {"estimator": LOGISTIC},
    ),
    **dict.fromkeys(("MultiOutputRegressor", "RegressorChain", "SelectFromModel"), {"estimator": RIDGE}),
    **dict.fromkeys(
        ("VotingRegressor", "StackingRegressor"), {"estimators": [("a", RIDGE), ("b", linear_model.Lasso())]}
    ),
    "VotingClassifier": {"estimators": [("a", LOGISTIC), ("b", tree.DecisionTreeClassifier(max_depth=3))],
                         "flatten_transform": False},
    "StackingClassifier": {"estimators": [("a", LOGISTIC), ("b", tree.DecisionTreeClassifier(max_depth=3))]},
    "GridSearchCV": {"estimator": LOGISTIC, "param_grid": {"C": [0.5, 1.0]}},
    "RandomizedSearchCV": {"estimator": LOGISTIC, "param_distributions": {"C": [0.5, 1.0]}, "n_iter": 2},
    "ColumnTransformer": {"transformers": [("a", preprocessing.StandardScaler(), [0, 3])], "remainder": "passthrough"},
    "FeatureUnion": {"transformer_list": [("a", preprocessing.StandardScaler()), ("b", preprocessing.MinMaxScaler())]},
    "Pipeline": {"steps": [("a", preprocessing.StandardScaler()), ("b", LOGISTIC)]},
    "TransformedTargetRegressor": {"regressor": RIDGE},
    "SVC": {"probability": True},
    "NuSVC": {"probability": True, "nu": 0.2},
    "GaussianProcessRegressor": {"alpha": 1.0},
    "GaussianRandomProjection": {"n_components": 3},
    "KBinsDiscretizer": {"encode": "ordinal"},
    "QuantileTransformer": {"n_quantiles": 20},
    "SelectPercentile": {"percentile": 50},
    "GenericUnivariateSelect": {"param": 50},
}  # fmt: skip
# Data that classes need.
POSITIVE = {"ComplementNB", "MultinomialNB", "GammaRegressor", "PoissonRegressor", "TweedieRegressor", "CategoricalNB"}
TWO_CLASSES = {"FixedThresholdClassifier"}
SEVERAL_TARGETS = {
    "MultiOutputRegressor", "RegressorChain", "MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso",
    "MultiTaskLassoCV",
}  # fmt: skip
# Classes whose converters take no table of numbers, or that can't be converted with these versions.
NO_TABLES = {
    "CountVectorizer", "DictVectorizer", "FeatureHasher", "GaussianProcessClassifier",
    "HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "KNeighborsTransformer", "KernelCenterer",
    "LabelBinarizer", "LabelEncoder", "LocalOutlierFactor", "NearestNeighbors",
    "OneHotEncoder", "RFE", "RFECV", "RadiusNeighborsClassifier", "RadiusNeighborsRegressor",
    "RandomTreesEmbedding", "TargetEncoder", "TfidfTransformer", "TfidfVectorizer", "TunedThresholdClassifierCV",
}  # fmt: skip
KNOWN = {found.__name__ for found in sklearn_operator_name_map}
ESTIMATORS = {name: found for name, found in utils.all_estimators() if name in KNOWN - NO_TABLES}

# Forms of estimators beside their default one: (class, arguments).
FORMS = [
    *[("SVC", {"kernel": kernel, "probability": likely}) for kernel in ("linear", "poly", "sigmoid")
      for likely in (False, True)],
    ("SVC", {"break_ties": False, "decision_function_shape": "ovo"}),
    *[("SVR", {"kernel": kernel}) for kernel in ("linear", "poly", "sigmoid")],
    ("OneClassSVM", {"nu": 0.2}),
    ("Normalizer", {"norm": "l1"}),
    *[("RandomForestClassifier", {"max_depth": depth, "n_estimators": 7}) for depth in (1, 4)],
    ("GradientBoostingClassifier", {"n_estimators": 9}),
    *[("GradientBoostingRegressor", {"loss": loss}) for loss in ("absolute_error", "huber", "quantile")],
    *[("DecisionTreeClassifier", {"criterion": name}) for name in ("entropy", "log_loss")],
    ("DecisionTreeRegressor", {"max_leaf_nodes": 9}),
    ("ExtraTreesClassifier", {"max_depth": 3, "class_weight": "balanced"}),
    ("BaggingClassifier", {"estimator": tree.DecisionTreeClassifier(max_depth=3)}),
    ("AdaBoostClassifier", {"estimator": tree.DecisionTreeClassifier(max_depth=2)}),
    *[("AdaBoostRegressor", {"loss": loss}) for loss in ("square", "exponential")],
    ("KNeighborsClassifier", {"n_neighbors": 3}),
    ("KNeighborsRegressor", {"metric": "manhattan"}),
    *[("MLPClassifier", {"activation": name, "max_iter": 30}) for name in ("identity", "logistic", "tanh")],
    *[("MLPRegressor", {"activation": name, "max_iter": 30}) for name in ("logistic", "tanh")],
    *[("SGDClassifier", {"loss": loss}) for loss in ("log_loss", "perceptron")],
    *[("SGDRegressor", {"loss": loss}) for loss in ("huber", "epsilon_insensitive")],
    *[("SimpleImputer", {"strategy": name}) for name in ("median", "most_frequent", "constant")],
    ("PolynomialFeatures", {"degree": 3, "interaction_only": True}),
    ("PolynomialFeatures", {"include_bias": False}),
    *[("PowerTransformer", {"method": "yeo-johnson", "standardize": flag}) for flag in (False, True)],
    *[("PCA", {"n_components": 3, "whiten": flag}) for flag in (False, True)],
    ("StandardScaler", {"with_mean": False}),
    ("StandardScaler", {"with_std": False}),
    ("RobustScaler", {"with_centering": False}),
    ("MinMaxScaler", {"feature_range": (-1, 2), "clip": True}),
    ("Binarizer", {"threshold": 0.4}),
    ("LogisticRegression", {"fit_intercept": False}),
    ("KMeans", {"n_clusters": 4}),
    ("GaussianMixture", {"n_components": 3, "covariance_type": "diag"}),
    ("GaussianMixture", {"n_components": 2, "covariance_type": "spherical"}),
    ("StackingRegressor", {"estimators": [("a", RIDGE), ("b", linear_model.Lasso())], "passthrough": True}),
    ("IsolationForest", {"n_estimators": 11, "contamination": 0.2}),
    ("SelectKBest", {"k": 2}),
    ("VarianceThreshold", {"threshold": 0.95}),
]  # fmt: skip


def made(name: str, **changes: Any) -> Any:
    found = ESTIMATORS[name]
    arguments = {**ARGUMENTS.get(name, {}), **changes}
    if "random_state" in inspect.signature(found).parameters:
        arguments["random_state"] = 3
    return found(**arguments)


def fitted(name: str, estimator: Any, classes: np.ndarray) -> tuple[Any, np.ndarray]:
    """(the estimator, the rows that it is asked about)."""
    x = X
    if name in POSITIVE:
        x = np.floor(np.abs(X) * 2).clip(0, 3) if name == "CategoricalNB" else np.abs(X)
    target: np.ndarray = classes
    if base.is_regressor(estimator):
        target = np.abs(REAL) + 0.1 if name in POSITIVE else REAL
    if name in SEVERAL_TARGETS:
        target = np.stack([REAL, 2 * REAL], 1)
    if name == "MultiOutputClassifier":
        target = np.stack([BINARY, CLASSES == 1], 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(x, target)
    return estimator, x[: len(ROWS)]


def converted(estimator: Any, rows: np.ndarray) -> bytes:
    options = {id(estimator): {"zipmap": False}} if base.is_classifier(estimator) else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = skl2onnx.to_onnx(estimator, rows[:1], options=options, target_opset=OPSET)
        except NameError:  # a wrapped classifier has no such option
            model = skl2onnx.to_onnx(estimator, rows[:1], target_opset=OPSET)
    return bytes(model.SerializeToString())


def outputs(content: bytes, rows: np.ndarray) -> list[Any]:
    results = ov.compile_model(ov.Core().read_model(content), "CPU")(rows)
    return [results[index] for index in range(len(results))]


def hold(estimator: Any, found: list[Any], rows: np.ndarray) -> None:
    """Labels agree where they are clear, numbers within what f32 can tell."""
    if hasattr(estimator, "predict"):
        expected = np.asarray(estimator.predict(rows))
        label = np.asarray(found[0]).reshape(expected.shape)
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(label, expected, 1e-3, 2e-3)
        else:
            assert (label == expected).mean() >= 0.97
    elif hasattr(estimator, "transform"):
        expected = np.asarray(estimator.transform(rows))
        np.testing.assert_allclose(np.asarray(found[0]).reshape(expected.shape), expected, 1e-3, 1e-3)
    if hasattr(estimator, "predict_proba") and len(found) > 1:
        expected = np.asarray(estimator.predict_proba(rows))
        np.testing.assert_allclose(np.asarray(found[1]).reshape(expected.shape), expected, 1e-3, 1e-3)


def check(name: str, classes: np.ndarray = CLASSES, **changes: Any) -> None:
    estimator, rows = fitted(name, made(name, **changes), classes)
    rows = rows.astype(np.float32)
    hold(estimator, outputs(converted(estimator, rows), rows), rows)


PART = [
    "AdaBoostClassifier", "DecisionTreeClassifier", "GaussianNB", "GradientBoostingClassifier", "KNeighborsClassifier",
    "LinearRegression", "LogisticRegression", "MLPRegressor", "OneClassSVM", "PCA", "Pipeline",
    "RandomForestClassifier", "SVC", "SVR", "StandardScaler",
]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in PART if name in ESTIMATORS])
def test_estimator(name: str) -> None:
    check(name)


@pytest.mark.sweep
@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name not in PART])
def test_every_estimator(name: str) -> None:
    check(name, BINARY if name in TWO_CLASSES else CLASSES)


@pytest.mark.sweep
@pytest.mark.parametrize("name, changes", FORMS)
def test_forms_of_estimators(name: str, changes: dict[str, Any]) -> None:
    check(name, **changes)


# Converted otherwise than the estimator has it: probabilities of two classes.
MISCONVERTED = {"LinearDiscriminantAnalysis", "MultiOutputClassifier", "OutputCodeClassifier"}
CLASSIFIERS = [
    name for name, found in ESTIMATORS.items()
    if issubclass(found, base.ClassifierMixin) and name not in TWO_CLASSES | MISCONVERTED
]  # fmt: skip


@pytest.mark.parametrize("name", ["GradientBoostingClassifier", "RandomForestClassifier", "LinearSVC", "SVC"])
def test_two_classes(name: str) -> None:
    check(name, BINARY)


@pytest.mark.sweep
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_two_classes_of_every_classifier(name: str) -> None:
    check(name, BINARY)


@pytest.mark.parametrize("name", ["RandomForestClassifier", "LogisticRegression", "SVC"])
def test_labels_of_text(name: str) -> None:
    check(name, np.array(["one", "zwei", "drei"])[CLASSES])
    check(name, np.array(["no", "yes"])[BINARY])


def test_probabilities_as_dicts() -> None:
    """skl2onnx writes ZipMap unless it is told otherwise."""
    estimator, rows = fitted("LogisticRegression", made("LogisticRegression"), np.array(["a", "b", "c"])[CLASSES])
    model = skl2onnx.to_onnx(estimator, rows[:1], target_opset=OPSET)
    labels, maps = outputs(model.SerializeToString(), rows)
    assert labels.tolist() == estimator.predict(rows).tolist()
    expected = [dict(zip("abc", row, strict=True)) for row in estimator.predict_proba(rows).tolist()]
    assert [list(found) for found in maps] == [list("abc")] * len(rows)
    np.testing.assert_allclose([[*found.values()] for found in maps], [[*row.values()] for row in expected], 1e-4, 1e-5)


def test_columns_of_text() -> None:
    """A table of words and numbers, as pipelines have it: an input for each column."""
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(8)
    words = rng.choice(["red", "grün", "blue"], 120)
    numbers = rng.normal(size=120).astype(np.float32)
    table = pandas.DataFrame({"colour": words, "size": numbers})
    wanted = ((words == "red") | (numbers > 0.5)).astype(int)
    from sklearn.compose import ColumnTransformer

    encoder = preprocessing.OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("c", encoder, ["colour"]), ("n", preprocessing.StandardScaler(), ["size"])])
    estimator = pipeline.Pipeline([("columns", columns), ("model", linear_model.LogisticRegression())]).fit(
        table, wanted
    )
    kinds = [("colour", StringTensorType([None, 1])), ("size", FloatTensorType([None, 1]))]
    model = skl2onnx.convert_sklearn(
        estimator, initial_types=kinds, options={id(estimator): {"zipmap": False}}, target_opset=OPSET
    )
    compiled = ov.compile_model(ov.Core().read_model(model.SerializeToString()), "CPU")
    results = compiled({"colour": table[["colour"]].to_numpy(), "size": numbers[:, None]})
    assert results[0].tolist() == estimator.predict(table).tolist()
    np.testing.assert_allclose(results[1], estimator.predict_proba(table), 1e-4, 1e-5)


@pytest.mark.parametrize("option", ["decision_leaf", "decision_path"])
def test_leaves_and_paths_of_trees(option: str) -> None:
    """skl2onnx gives each leaf its number once for each class."""
    from sklearn.ensemble import ExtraTreesClassifier

    estimator = ExtraTreesClassifier(3, max_depth=3, random_state=0).fit(X, CLASSES)
    options = {id(estimator): {option: True, "zipmap": False}}
    model = skl2onnx.to_onnx(estimator, X[:1], options=options, target_opset=OPSET)
    found = outputs(model.SerializeToString(), ROWS)[2]
    if option == "decision_leaf":
        np.testing.assert_array_equal(found, estimator.apply(ROWS))
        return
    whole, ends = estimator.decision_path(ROWS)
    for i, (start, end) in enumerate(zip(ends, ends[1:], strict=False)):
        paths = whole[:, start:end].toarray().astype(str).tolist()
        assert found[:, i].tolist() == ["".join(row) for row in paths]


VECTORIZERS = {
    "CountVectorizer": {},
    "TfidfVectorizer": {"ngram_range": (1, 2)},
    "TfidfVectorizer of characters": {"analyzer": "char", "ngram_range": (1, 2)},
    "CountVectorizer of a pattern": {"token_pattern": "[a-z]+"},
}


@pytest.mark.parametrize("name", VECTORIZERS)
def test_texts(name: str) -> None:
    from skl2onnx.common.data_types import StringTensorType
    from sklearn.feature_extraction import text

    words = np.array(["the cat sat", "a dog ran far", "cat and dog", "the far sun", "sun sat, sun ran!"])
    estimator = getattr(text, name.split()[0])(**VECTORIZERS[name]).fit(words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = skl2onnx.convert_sklearn(
            estimator, initial_types=[("s", StringTensorType([None, 1]))], target_opset=OPSET
        )
    compiled = ov.compile_model(ov.Core().read_model(model.SerializeToString()), "CPU")
    given = np.array([*words, "no known word", "cat cat dog"])
    expected = estimator.transform(given).toarray()
    if "characters" not in name:  # words of one letter, which scikit-learn leaves out, are no n-grams of a model
        given, expected = given[[0, 2, 3, 4, 6]], expected[[0, 2, 3, 4, 6]]
    np.testing.assert_allclose(compiled({"s": given[:, None]})[0], expected, 1e-5, 1e-6)


# Boosters ---------------------------------------------------------------------------------------


def boosted(estimator: Any, kind: str, target: np.ndarray) -> None:
    """An estimator of LightGBM ("lightgbm") or XGBoost ("xgboost") against its own predictions; NaN is missing.

    One with few trees may have no negative leaf: then onnxruntime, and so ovlite, takes its sums for probabilities.
    """
    onnxmltools = pytest.importorskip("onnxmltools")
    from onnxmltools.convert.common.data_types import FloatTensorType

    holes = np.where(np.random.default_rng(9).random(X.shape) < 0.1, np.nan, X).astype(np.float32)
    convert: Callable[..., Any] = getattr(onnxmltools, f"convert_{kind}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(holes, target)
        more = {"zipmap": False} if kind == "lightgbm" else {}
        model = convert(estimator, initial_types=[("x", FloatTensorType([None, X.shape[1]]))], target_opset=15, **more)
        hold(estimator, outputs(model.SerializeToString(), holes), holes)


TARGETS = {"binary": BINARY, "classes": CLASSES, "real": REAL}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("count", [5, pytest.param(40, marks=pytest.mark.sweep)])
def test_lightgbm(target: str, count: int) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    found = lightgbm.LGBMRegressor if target == "real" else lightgbm.LGBMClassifier
    boosted(found(n_estimators=count, num_leaves=15, min_child_samples=5, verbose=-1), "lightgbm", TARGETS[target])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("count", [5, pytest.param(40, marks=pytest.mark.sweep)])
def test_xgboost(target: str, count: int) -> None:
    xgboost = pytest.importorskip("xgboost")
    found = xgboost.XGBRegressor if target == "real" else xgboost.XGBClassifier
    boosted(found(n_estimators=count, max_depth=4), "xgboost", TARGETS[target])

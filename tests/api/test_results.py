"""The mapping that results come in."""

import copy
from collections.abc import Mapping

import numpy as np
import pytest


@pytest.fixture
def both(lab, A):
    compiled = lab.compile(lab.two_outputs())
    return compiled, compiled([3 * A, A])


def test_keys(both, A):
    compiled, results = both
    total, difference = compiled.outputs
    for key in ("sum", 0, -2, total, False):
        np.testing.assert_array_equal(results[key], 4 * A)
    for key in ("difference", 1, -1, difference, True):
        np.testing.assert_array_equal(results[key], 2 * A)
    assert results["sum"] is results[0] is results[total]


def test_made_of_arrays_by_port(lab, both, A):
    compiled, _ = both
    given = dict(zip(compiled.outputs, (A, 2 * A), strict=True))
    results = lab.submodule("utils.data_helpers").OVDict(given)
    assert results["sum"] is results[0] is A and results.to_dict() is given and list(results) == compiled.outputs
    assert len(lab.submodule("utils.data_helpers").OVDict({})) == 0
    with pytest.raises(TypeError):
        lab.submodule("utils.data_helpers").OVDict()


def test_missing_keys(lab, both):
    _, results = both
    foreign = lab.compile(lab.plus_one()).output()
    for key in (2, -3, "z", "x", foreign):
        with pytest.raises(KeyError):
            results[key]
        assert key not in results
        assert results.get(key) is None
        assert results.get(key, 5) == 5


def test_keys_of_other_types(lab, both):
    _, results = both
    for key in (0.0, None, np.int64(0), slice(0, 1), (0,), [0], lab.two_outputs().outputs[0]):
        with pytest.raises(TypeError):
            results[key]
        with pytest.raises(TypeError):
            key in results  # noqa: B015
        with pytest.raises(TypeError):
            results.get(key, 5)


def test_it_is_a_mapping_by_port(both, A):
    compiled, results = both
    assert isinstance(results, Mapping) and not isinstance(results, dict)
    assert len(results) == 2 and bool(results)
    assert list(results) == list(results.keys()) == compiled.outputs
    assert [key for key, _ in results.items()] == compiled.outputs
    first, second = results.values()
    assert first is results[0] and second is results[1]
    assert results.names() == ({"sum"}, {"difference"})
    assert results.to_tuple()[0] is results[0] and isinstance(results.to_tuple(), tuple)
    assert dict(results)[compiled.outputs[0]] is results[0]
    assert {**results}[compiled.outputs[1]] is results[1]
    assert "sum" in results and 1 in results and compiled.outputs[0] in results
    assert repr(results) == repr(results.to_dict())


def test_the_dict_inside(both):
    compiled, results = both
    inside = results.to_dict()
    assert type(inside) is dict and list(inside) == compiled.outputs
    inside[compiled.outputs[0]] = "changed"
    assert results[0] == results["sum"] == "changed"


def test_what_it_can_not_do(both):
    _, results = both
    with pytest.raises(TypeError):
        results[0] = 1
    with pytest.raises(TypeError):
        del results[0]
    for name in ("pop", "update", "clear", "copy"):
        assert not hasattr(results, name)
    with pytest.raises(AttributeError):
        results.anything = 1
    for operation in (hash, reversed, lambda r: r | {}):
        with pytest.raises(TypeError):
            operation(results)
    assert results == results
    assert copy.copy(results)[0] is results[0]


def test_where_it_is_found(lab, both):
    assert type(both[1]) is lab.submodule("utils.data_helpers").OVDict
    assert not hasattr(lab.ov, "OVDict")

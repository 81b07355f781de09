"""Results whose shapes depend on the elements of the inputs."""

import numpy as np
import pytest


@pytest.fixture
def compiled(lab):
    """places = indices of the elements of x that are not zero; y = x + 1"""
    x = lab.parameter((-1,))
    places = lab.ops.result(lab.ops.non_zero(x), name="places")
    y = lab.ops.result(lab.ops.add(x, np.float32(1)), name="y")
    return lab.compile(lab.ov.Model([places, y], [x], "places"))


INPUTS = [np.array(values, np.float32) for values in ([0, 1, 2, 0], [0, 0, 3], [1, 1, 1, 1, 1, 1], [0])]


def check(results, x):
    assert results["places"].tolist() == [np.flatnonzero(x).tolist()]
    np.testing.assert_array_equal(results["y"], x + 1)


def test_every_call_form(compiled):
    request = compiled.create_infer_request()
    for x in INPUTS:
        for share in (False, True):
            check(compiled(x, share_outputs=share), x)
            check(request.infer(x, share_outputs=share), x)
            check(request.results, x)
        request.start_async(x)
        request.wait()
        check(request.results, x)
        assert request.get_output_tensor(0).data.tolist() == [np.flatnonzero(x).tolist()]
        assert request.latency > 0


def test_results_are_isolated(compiled):
    first = compiled(INPUTS[0])
    compiled(INPUTS[2])
    check(first, INPUTS[0])
    first["y"][:] = -1
    check(compiled(), INPUTS[2])


def test_results_into_a_tensor_that_is_set(lab, compiled):
    request = compiled.create_infer_request()
    tensor = lab.ov.Tensor(np.zeros((1, 1), np.int64))
    request.set_output_tensor(0, tensor)
    for x in INPUTS[:3]:
        request.infer(x)
        assert tensor.data.tolist() == [np.flatnonzero(x).tolist()]

import pytest

from ovlite import kernels


@pytest.fixture(params=kernels.available_levels())
def level(request):
    """Each instruction-set level that can be executed here, in use for the test."""
    before = kernels.use_level(request.param)
    yield request.param
    kernels.use_level(before)


@pytest.fixture(params=[1, 2])
def threads(request):
    return request.param


@pytest.fixture(params=[range(40), pytest.param(range(40, 600), marks=pytest.mark.sweep)], ids=["few", "many"])
def rounds(request):
    """Numbers, each of them the seed of a geometry that is drawn."""
    return request.param

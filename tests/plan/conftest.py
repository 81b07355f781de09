"""Fixtures of tests of plans."""

import pytest

from ovlite import kernels


@pytest.fixture(params=kernels.available_levels())
def level(request):
    before = kernels.use_level(request.param)
    yield request.param
    kernels.use_level(before)


@pytest.fixture
def emulating_level():
    """The best level, unless tiles are not emulated there."""
    level = kernels.available_levels()[-1]
    before = kernels.use_level("baseline" if level == "avx2" else level)
    yield
    kernels.use_level(before)

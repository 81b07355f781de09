"""What holds for every test."""

from collections.abc import Iterator

import pytest

from . import data


@pytest.fixture(autouse=True)
def seeded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Random data depends on the test's id alone."""
    data.begin_test(request.node.nodeid)
    yield
    data.end_test()

"""What holds for every test."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from . import data

# Fixtures choose the level and the threads; they hold no state that an example could change.
COMMON = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("same", derandomize=True, max_examples=60, **COMMON)
settings.register_profile("explore", max_examples=2000, **COMMON)  # pytest --hypothesis-profile=explore
settings.load_profile("same")


@pytest.fixture(autouse=True)
def seeded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Random data depends on the test's id alone."""
    data.begin_test(request.node.nodeid)
    yield
    data.end_test()

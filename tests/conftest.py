"""What holds for every test."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings

from ovlite.plan import Precision
from ovlite.runtime.config import Config

from . import data

# Fixtures choose the level and the threads; they hold no state that an example could change.
COMMON = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("same", derandomize=True, max_examples=60, **COMMON)
settings.register_profile("explore", max_examples=2000, **COMMON)  # pytest --hypothesis-profile=explore
settings.load_profile("same")


@pytest.fixture(autouse=True, scope="session")
def emulated() -> Iterator[None]:
    """With OVLITE_TEST_EMULATED=1, models are compiled as on a processor that has all instructions which kernels can
    emulate: slowly, and with the same results."""
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("OVLITE_TEST_EMULATED") == "1":
            chosen = Config.precision

            def precision(config: Config) -> Precision:
                return replace(chosen(config), emulated=True)

            patch.setattr(Config, "precision", precision)
        yield


@pytest.fixture(autouse=True)
def seeded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Random data depends on the test's id alone."""
    data.begin_test(request.node.nodeid)
    yield
    data.end_test()

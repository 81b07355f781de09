"""What the suites share: the libraries as a parameter, and a group of results for each workload."""

from __future__ import annotations

import pytest

from . import models
from .libraries import installed


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "library" in metafunc.fixturenames:
        metafunc.parametrize("library", installed())
    if "openvino_like" in metafunc.fixturenames:
        metafunc.parametrize("openvino_like", [name for name in installed() if name != "onnxruntime"])


@pytest.fixture(scope="session")
def packages() -> dict[str, object]:
    """Paths of the packages' models; skips when they can't be had."""
    try:
        return dict(models.package_models())
    except models.Unavailable as error:
        pytest.skip(str(error))

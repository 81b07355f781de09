"""ovlite against formulas, onnxruntime and onnx.reference on random nodes and chains of nodes.

A failure shows the model and its inputs. `python -m tests.differential --only NAME --seeds N:M --text` runs it again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("ml_dtypes")

from .cases import DECLARATIONS, Case
from .generate import chain, operators, single
from .judge import judge
from .peers import peers

PART, WHOLE = 5, 200  # seeds of an operator that are tried in every run, and in a sweep
CHAINS, ALL_CHAINS = 40, 2000


@pytest.fixture(scope="module", autouse=True)
def _processes() -> Iterator[None]:
    yield
    peers().close()


def check(case: Case) -> None:
    verdict = judge(case)
    assert not verdict.fails, f"{case.label}, opsets {dict(case.opsets)}: {verdict.kind}\n{verdict.text}\n{case.text()}"


OPERATORS = [pytest.param(*key, id=".".join(key).strip(".")) for key in operators()]


@pytest.mark.parametrize(("domain", "name"), OPERATORS)
def test_operator(domain: str, name: str) -> None:
    with np.errstate(all="ignore"):
        for seed in range(PART):
            check(single(domain, name, seed))


@pytest.mark.sweep
@pytest.mark.parametrize("declaration", DECLARATIONS)
@pytest.mark.parametrize(("domain", "name"), OPERATORS)
def test_operator_whole(domain: str, name: str, declaration: str) -> None:
    with np.errstate(all="ignore"):
        for seed in range(PART, WHOLE):
            check(single(domain, name, seed).declared(declaration))


@pytest.mark.parametrize("first", range(0, CHAINS, 10))
def test_chains(first: int) -> None:
    with np.errstate(all="ignore"):
        for seed in range(first, first + 10):
            check(chain(seed))


@pytest.mark.sweep
@pytest.mark.parametrize("first", range(CHAINS, ALL_CHAINS, 20))
def test_chains_whole(first: int) -> None:
    with np.errstate(all="ignore"):
        for seed in range(first, first + 20):
            check(chain(seed))

"""The table of lowerings names the module that each is in."""

from importlib import import_module

import pytest

from ovlite.plan.lowering import HOMES, lowering_of


@pytest.mark.parametrize("module", sorted(set(HOMES.values())))
def test_each_module_has_the_lowerings_that_the_table_says(module: str) -> None:
    lowerings = import_module(f"ovlite.plan.lowering.{module}").LOWERINGS
    assert sorted(lowerings) == sorted(kind for kind, home in HOMES.items() if home == module)
    assert all(lowering_of(kind) is lowering for kind, lowering in lowerings.items())


def test_what_no_kernel_takes_has_no_lowering() -> None:
    assert lowering_of("NonMaxSuppression") is None

"""Records behave as the dataclasses of the standard library do."""

import dataclasses
from dataclasses import field
from typing import Any, ClassVar

import numpy as np
import pytest

from ovlite import records

DECORATORS = [records._dataclass, dataclasses.dataclass]


def classes(dataclass: Any) -> Any:
    """A base, a class with all that fields may have, and one that is compared by some of its fields."""

    @dataclass(frozen=True)
    class Base:
        x: int
        y: str = "y"
        shared: ClassVar[int] = 3

        def double(self) -> int:
            return 2 * self.x

    @dataclass(frozen=True)
    class Derived(Base):
        y: str = "z"
        items: list[int] = field(default_factory=list, hash=False)
        kind: str = "k"

        def __post_init__(self) -> None:
            if self.x < 0:
                raise ValueError("x")

    @dataclass
    class Open:
        a: Any
        b: int = field(default=2, compare=False)

    @dataclass(frozen=True)
    class Nothing:
        pass

    return Base, Derived, Open, Nothing


@pytest.fixture(params=DECORATORS, ids=["ovlite", "dataclasses"])
def made(request: pytest.FixtureRequest) -> Any:
    return classes(request.param)


def test_fields_and_defaults(made: Any) -> None:
    base, derived, _, nothing = made
    assert (base(1).x, base(1).y, base(1, "v").y, base(x=4).double(), base.shared) == (1, "y", "v", 8, 3)
    one, two = derived(1), derived(1)
    assert (one.y, one.items, one.kind) == ("z", [], "k")
    assert one.items is not two.items
    assert (
        [f.name for f in dataclasses.fields(derived)]
        == [f.name for f in records.fields(one)]
        == ["x", "y", "items", "kind"]
    )
    assert records.fields(nothing()) == ()


def test_comparison(made: Any) -> None:
    base, derived, open_, nothing = made
    assert base(1) == base(1) and base(1) != base(2) and base(1) != derived(1)
    assert hash(derived(1, items=[1])) == hash(derived(1, items=[2]))
    assert derived(1, items=[1]) != derived(1, items=[2])
    assert open_(1, 2) == open_(1, 3)
    assert nothing() == nothing() and len({nothing(), nothing()}) == 1
    array = np.arange(3)
    assert open_(array) == open_(array), "an object is equal to itself"
    with pytest.raises(TypeError, match="unhashable"):
        hash(open_(1))


def test_changes(made: Any) -> None:
    base, derived, open_, _ = made
    for change in (
        lambda: setattr(base(1), "x", 2),
        lambda: delattr(base(1), "x"),
        lambda: setattr(derived(1), "n", 2),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()
    one = open_(1)
    one.a = 5
    for replace in (records.replace, dataclasses.replace):
        assert (replace(one, b=7).a, replace(one, b=7).b) == (5, 7)
        assert replace(derived(1), x=3) == derived(3)
    with pytest.raises(ValueError, match="x"):
        derived(-1)


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, "y", [], "k", 5), {}), ((1,), {"x": 2}), ((1,), {"w": 2}), ((), {"y": "q"})]
)
def test_wrong_arguments(made: Any, args: Any, kwargs: Any) -> None:
    with pytest.raises(TypeError):
        made[1](*args, **kwargs)


def test_types_of_fields_stay_when_dataclasses_asks_for_them() -> None:
    @records.dataclass
    class Base:
        x: int
        y: str = "y"

    class Derived(Base):
        pass

    for cls in (Base, Derived):
        assert [field.type for field in dataclasses.fields(cls)] == [int, str]
        assert [field.type for field in records.fields(cls)] == [int, str]


def test_text(made: Any) -> None:
    assert repr(made[0](1)).endswith("Base(x=1, y='y')")


def test_a_dataclass_of_the_standard_library_may_follow(made: Any) -> None:
    Last: Any = dataclasses.make_dataclass("Last", [("more", int, 9)], bases=(made[1],), frozen=True)
    assert (Last(1).x, Last(1).more, Last(1, more=2).more) == (1, 9, 2)
    assert [f.name for f in records.fields(Last)] == ["x", "y", "items", "kind", "more"]
    assert records.replace(Last(1), more=4) == Last(1, more=4)

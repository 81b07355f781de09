"""Times of steps, from when their parts began and ended."""

import pytest

from ovlite.plan import seconds_of


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([[], []], [0, 0]),
        ([[(1, 100, 130)], [(1, 140, 150)]], [30, 20]),
        ([[(1, 100, 130), (2, 110, 160)], [(2, 165, 170)]], [60, 10]),
        ([[(1, 100, 130)], [], [(1, 131, 132)]], [30, 0, 2]),
    ],
)
def test_a_step_takes_from_the_end_of_the_one_before_to_its_own(spans, expected):
    assert seconds_of(spans) == pytest.approx([nanoseconds * 1e-9 for nanoseconds in expected])

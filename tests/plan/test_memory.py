"""The arena: no two buffers that are live at once may overlap, and dead ones give their bytes back."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ovlite.plan.memory import ALIGNMENT, Buffer, place


def rounded(size):
    return -(-size // ALIGNMENT) * ALIGNMENT


def overlap(a, b, offsets):
    return offsets[a.slot] < offsets[b.slot] + b.size and offsets[b.slot] < offsets[a.slot] + a.size


BUFFERS = st.lists(
    st.tuples(st.sampled_from([0, 1, 63, 64, 65, 1000, 40000]), st.integers(0, 30), st.integers(0, 20)), max_size=40
).map(lambda items: [Buffer(slot, size, first, first + steps) for slot, (size, first, steps) in enumerate(items)])


@given(BUFFERS)
def test_live_buffers_never_overlap(buffers):
    offsets, total = place(buffers)
    for a, b in itertools.combinations(buffers, 2):
        if a.first <= b.last and b.first <= a.last:
            assert not overlap(a, b, offsets), (a, b)
    assert all(offset % ALIGNMENT == 0 for offset in offsets.values())
    assert total == max([offsets[b.slot] + rounded(b.size) for b in buffers], default=0)
    most = max([sum(rounded(b.size) for b in buffers if b.first <= step <= b.last) for step in range(51)])
    assert most <= total <= sum(rounded(b.size) for b in buffers)


def test_a_chain_needs_two_buffers():
    buffers = [Buffer(i, 1024, i, i + 1) for i in range(10)]
    assert place(buffers)[1] == 2 * 1024


def test_nothing_to_place():
    assert place([]) == ({}, 0)

"""The arena: no two buffers that are live at once may overlap, and dead ones give their bytes back."""

import itertools
import random

import pytest

from ovlite.plan.memory import ALIGNMENT, Buffer, place


def overlap(a, b, offsets):
    return offsets[a.slot] < offsets[b.slot] + b.size and offsets[b.slot] < offsets[a.slot] + a.size


@pytest.mark.parametrize("seed", range(20))
def test_live_buffers_never_overlap(seed):
    random.seed(seed)
    buffers = []
    for slot in range(60):
        first = random.randrange(100)
        buffers.append(Buffer(slot, random.choice([1, 63, 64, 65, 1000, 40000]), first, first + random.randrange(20)))
    offsets, total = place(buffers)
    for a, b in itertools.combinations(buffers, 2):
        if a.first <= b.last and b.first <= a.last:
            assert not overlap(a, b, offsets), (a, b)
    assert all(offset % ALIGNMENT == 0 for offset in offsets.values())
    assert total == max(offsets[b.slot] + -(-b.size // ALIGNMENT) * ALIGNMENT for b in buffers)


def test_a_chain_needs_two_buffers():
    buffers = [Buffer(i, 1024, i, i + 1) for i in range(10)]
    assert place(buffers)[1] == 2 * 1024


def test_nothing_to_place():
    assert place([]) == ({}, 0)

"""A model that asks for more than there may be is refused by name before memory is asked for."""

import os

import numpy as np
import pytest

from ovlite.errors import ModelError
from ovlite.runtime.cgroup import memory_limit
from ovlite.runtime.memory import memory_budget

from .control_groups import printed_in_group

MIB = 1 << 20
HUGE = 1 << 40
FAR = 1 << 62


def of_shape(lab, *shape):
    return lab.ops.constant(np.array(shape, np.int64))


GROWING = {
    "Broadcast": lambda lab, x: lab.ops.broadcast(x, of_shape(lab, HUGE, 4, 4)),
    "Broadcast ": lambda lab, x: lab.ops.broadcast(x, of_shape(lab, FAR, 4, 4)),
    "Tile": lambda lab, x: lab.ops.tile(x, of_shape(lab, HUGE, HUGE)),
    "Pad": lambda lab, x: lab.ops.pad(x, of_shape(lab, HUGE, HUGE), of_shape(lab, 0, 0), "constant"),
    "Range": lambda lab, x: lab.ops.range(*(lab.ops.constant(np.array(n, np.int64)) for n in (0, FAR, 1)), "i64"),
    "OneHot": lambda lab, x: lab.ops.one_hot(
        lab.ops.convert(x, "i64"), *(lab.ops.constant(np.array(n, np.int64)) for n in (HUGE, 1, 0)), axis=-1
    ),
    "Interpolate": lambda lab, x: lab.ops.interpolate(
        lab.ops.unsqueeze(x, of_shape(lab, 0, 1)), lab.ops.constant(np.array([1e30, 1e30], np.float32)), "nearest",
        "scales", axes=of_shape(lab, 2, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GROWING)
def test_tensors_that_no_machine_holds(mine, name):
    x = mine.parameter((4, 4))
    compiled = mine.compile(mine.ov.Model([mine.ops.result(GROWING[name](mine, x))], [x], "growing"), MEMORY_LIMIT=MIB)
    with pytest.raises(
        ModelError, match=rf"{name.strip()} .* at most {MIB} bytes \(the property MEMORY_LIMIT\), got .* bytes"
    ):
        compiled(np.ones((4, 4), np.float32))


def test_dimensions(mine):
    x = mine.parameter((2,) * 8)
    more = mine.ov.Model([mine.ops.result(mine.ops.unsqueeze(x, of_shape(mine, 0)))], [x], "more")
    with pytest.raises(ModelError, match=r"Unsqueeze .* at most 8 dimensions, got \[1,2,2,2,2,2,2,2,2\]"):
        mine.compile(more)
    many = mine.ops.constant(np.ones((1,) * 9, np.float32), name="many")
    with pytest.raises(ModelError, match="Constant 'many': expected at most 8 dimensions"):
        mine.compile(mine.ov.Model([mine.ops.result(mine.ops.add(x, many))], [x], "many"))


def test_the_limit_is_a_property(mine):
    """A tensor of 1 MiB, and buffers of two of them."""
    x = mine.parameter((512, 512))
    w = mine.ops.constant(np.eye(512, dtype=np.float32))
    node = mine.ops.softmax(
        mine.ops.matmul(mine.ops.softmax(mine.ops.matmul(x, w, False, False), 0), w, False, False), 0
    )
    model = mine.ov.Model([mine.ops.result(node)], [x], "two")
    array = np.ones((512, 512), np.float32)
    with pytest.raises(ModelError, match=f"expected at most {MIB - 1} bytes"):
        mine.compile(model, MEMORY_LIMIT=MIB - 1)(array)
    with pytest.raises(
        ModelError,
        match=rf"the plan's buffers: expected at most {MIB} bytes \(the property MEMORY_LIMIT\), got \d+ bytes",
    ):
        mine.compile(model, MEMORY_LIMIT=MIB)(array)
    compiled = mine.compile(model, MEMORY_LIMIT=4 * MIB)
    np.testing.assert_allclose(compiled(array)[0], 1 / 512, rtol=1e-5)
    assert compiled.get_property("MEMORY_LIMIT") == 4 * MIB
    assert mine.compile(model).get_property("MEMORY_LIMIT") == memory_budget()


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/a/b\n", {"a/memory.max": "3000\n", "a/b/memory.max": "max\n"}, 3000),
        ("0::/../x\n", {"memory.max": "5000\n"}, 5000),
        ("0::/a\n", {"a/memory.max": "max\n"}, None),
        ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "7000\n"}, 7000),
        ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "-1\n"}, None),
        ("0::/a\n", {"a/memory.max": "9" * 400}, None),
        ("", {}, None),
    ],
)
def test_limits_of_control_groups(tmp_path, groups, files, expected):
    for name, content in {"proc/self/cgroup": groups, **{f"sys/fs/cgroup/{k}": v for k, v in files.items()}}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert memory_limit(tmp_path) == expected
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert memory_budget(tmp_path) <= min(machine, expected or machine)


IN_A_GROUP = """
import numpy as np
import ovlite as ov
from ovlite import opset13 as ops

mib = 1 << 20
x = ops.parameter([1, 1 << 20], np.float32, name="x")
times = ops.parameter([2], np.int64, name="times")
total = ops.reduce_sum(ops.tile(x, times), np.array([0, 1]))
compiled = ov.compile_model(ov.Model([ops.result(total)], [x, times], "tiled"), "CPU")
ones = np.ones((1, 1 << 20), np.float32)
print(compiled.get_property("MEMORY_LIMIT") // mib)
print(int(compiled([ones, np.array([8, 1])])[0]) // mib)
try:
    compiled([ones, np.array([400, 1])])
except RuntimeError as error:
    print("MEMORY_LIMIT" in str(error))
"""


def test_a_control_group_of_little_memory():
    """What does not fit is refused, and the process lives."""
    limit = str(400 * MIB)
    printed = printed_in_group("memory", {"memory.limit_in_bytes": limit}, {"memory.max": limit}, IN_A_GROUP)
    assert printed == ["400", "8", "True"]

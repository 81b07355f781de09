"""Products by weights of a few bits: python -m bench.compressed [threads]

A chain of square MatMulNBits, of which one row reads all weights once. Beside the least time stand the bytes of weights
that are read in a second, and those of an array of the same size that numpy adds up on one thread: memory sets the pace
where the first is as large.
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .report import least

SIZE, LAYERS = 4096, 8
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Case:
    """bits of a code, elements of a block, whether each block has a zero point, and rows of the input."""

    bits: int
    block: int
    zeros: bool = False
    rows: int = 1


CASES = {
    "4 bits in 32": Case(4, 32),
    "4 bits in 32, zero points": Case(4, 32, zeros=True),
    "4 bits in 128, zero points": Case(4, 128, zeros=True),
    "8 bits in 128": Case(8, 128),
    "2 bits in 64": Case(2, 64),
    "4 bits in 32, 4 rows": Case(4, 32, rows=4),
    "4 bits in 32, 128 rows": Case(4, 32, rows=128),
}


def model(name: str) -> bytes:
    """The ONNX model of a case, with seeded weights."""
    case, rng = CASES[name], np.random.default_rng(zlib.crc32(name.encode()))
    blocks = SIZE // case.block
    nodes, tensors = [], []
    for i in range(LAYERS):
        arrays = [
            rng.integers(0, 256, (SIZE, blocks, case.block * case.bits // 8), np.uint8),
            rng.uniform(0.5, 1, (SIZE, blocks)).astype(np.float32) / SIZE,
        ]
        if case.zeros:
            arrays.append(rng.integers(0, 256, (SIZE, -(-blocks * case.bits // 8)), np.uint8))
        names = [f"w{i}_{place}" for place in range(len(arrays))]
        tensors += [numpy_helper.from_array(array, key) for array, key in zip(arrays, names, strict=True)]
        attributes = {"K": SIZE, "N": SIZE, "bits": case.bits, "block_size": case.block}
        nodes.append(
            helper.make_node("MatMulNBits", [f"x{i}", *names], [f"x{i + 1}"], domain="com.microsoft", **attributes)
        )
    given, result = (
        helper.make_tensor_value_info(key, TensorProto.FLOAT, [case.rows, SIZE]) for key in ("x0", f"x{LAYERS}")
    )
    graph = helper.make_graph(nodes, "compressed", [given], [result], tensors)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())


def inputs(name: str) -> dict[str, Array]:
    """Seeded inputs of a case."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return {"x0": rng.standard_normal((CASES[name].rows, SIZE), np.float32)}


def main() -> None:
    import ovlite

    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    for name in CASES:
        content, arrays = model(name), inputs(name)
        model_read = ovlite.Core().read_model(content)
        compiled = ovlite.compile_model(model_read, "CPU", {"INFERENCE_NUM_THREADS": threads})
        plain = np.ones(len(content) // 8)  # zeros would be one page of memory, until they are written
        seconds = least({"products": partial(compiled, arrays)})["products"]
        pace = plain.nbytes / least({"memory": plain.sum})["memory"] / 1e9
        rate = len(content) / seconds / 1e9
        print(f"{name:30} {seconds * 1e3:8.2f} ms  {rate:6.1f} GB/s of weights, memory {pace:6.1f} GB/s")


if __name__ == "__main__":
    main()

"""Records what openvino and onnxruntime give for the calls of operator tests, for machines that lack them.

python -m tests.golden.record                        of all tests; forgets what no test asks for any more
python -m tests.golden.record tests/ops/test_nms.py  of these tests (arguments of pytest), beside what is there
"""

import sys
from importlib.util import find_spec

import pytest

from tests import golden

ALL = [
    "tests/ops",
    "tests/frontend/test_onnx_microsoft.py",
    "tests/frontend/test_onnx_microsoft_decoders.py",
    "tests/frontend/test_onnx_microsoft_layers.py",
    "tests/frontend/test_onnx_reading.py",
]


def main(arguments: list[str]) -> int:
    if missing := [name for name in ("openvino", "onnxruntime") if find_spec(name) is None]:
        print(f"recording needs {' and '.join(missing)}: pip install 'ovlite[peers]'", file=sys.stderr)
        return 2
    golden.recording = {}
    code = int(pytest.main(["-q", "-p", "no:xdist", *(arguments or ALL)]))
    if code:
        print("nothing is recorded: tests failed", file=sys.stderr)
        return code
    if not arguments:
        for path in golden.FOLDER.glob("*.npz"):
            path.unlink()
    for name, calls in golden.recording.items():
        golden.save(name, (golden.load(name) if arguments else {}) | calls)
        print(f"{name}: {len(calls)} calls")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

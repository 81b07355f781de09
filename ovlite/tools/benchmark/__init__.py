"""What programs import of the measuring tool of openvino; `python -m ovlite` measures."""

import sys

if __name__ == "__main__":
    sys.exit("openvino.tools.benchmark is not a program here: `python -m ovlite model.xml` measures a model")

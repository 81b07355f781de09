"""Programs of others, written for openvino, run unchanged on ovlite and give what they give on openvino.

They run where they are installed; none of them is needed for anything else here. Each is a process of its
own: `python -m ovlite.as_openvino` on one side, and on the other openvino, in IEEE f32 as ovlite computes.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ovlite as ov
from ovlite import opset13 as ops

from .tolerances import sums

# openvino computes in bf16 by default where the processor has it.
IN_F32 = """
import openvino
plain = openvino.Core.__init__
def in_f32(self, *arguments):
    plain(self, *arguments)
    self.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
openvino.Core.__init__ = in_f32
"""
RAPIDOCR = """
import json
import cv2, numpy as np
from rapidocr import EngineType, RapidOCR

image = np.full((200, 640, 3), 255, np.uint8)
for row, text in enumerate(["Hello OpenVINO 2026", "0123456789 ABC"]):
    cv2.putText(image, text, (20, 60 + 80 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (0, 0, 0), 3, cv2.LINE_AA)
engines = {f"{part}.engine_type": EngineType.OPENVINO for part in ("Det", "Cls", "Rec")}
found = RapidOCR(params=engines)(image)
print(json.dumps([list(found.txts), [float(score) for score in found.scores], found.boxes.tolist()]))
"""
MODEL_API = """
import json, sys
import numpy as np
from model_api.models import Model

model = Model.create_model("classifier.xml")
image = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)
found, scores = {}, model(image)
model.set_callback(lambda result, name: found.__setitem__(name, float(result.raw_scores.max())))
for name in "ab":
    model.infer_async(image, name)
model.await_all()
print(json.dumps([[label.name for label in scores.top_labels], scores.raw_scores.tolist(), sorted(found.items())]))
"""
KERAS = """
import json, os
os.environ["KERAS_BACKEND"] = "openvino"
import keras, numpy as np

keras.utils.set_random_seed(0)
layers = keras.layers
image = keras.Sequential([
    keras.Input((16, 16, 3)), layers.Conv2D(8, 3, activation="relu"), layers.BatchNormalization(),
    layers.MaxPooling2D(), layers.Flatten(), layers.Dense(5, activation="softmax"),
])
text = keras.Sequential([keras.Input((7,)), layers.Embedding(20, 6), layers.LSTM(8), layers.Dense(3)])
pixels = np.linspace(0, 1, 2 * 16 * 16 * 3, dtype=np.float32).reshape(2, 16, 16, 3)
words = np.arange(14, dtype=np.int32).reshape(2, 7)
print(json.dumps([image.predict(pixels, verbose=0).tolist(), text.predict(words, verbose=0).tolist()]))
"""


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def output(program: str, folder: Path, *, on_ovlite: bool) -> Any:
    """The json in the last line that the program prints."""
    start = ["-m", "ovlite.as_openvino", "-c", program] if on_ovlite else ["-c", IN_F32 + program]
    done = subprocess.run([sys.executable, *start], capture_output=True, text=True, timeout=300, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def same(found: Any, wanted: Any) -> bool:
    """Whether the numbers in two trees are near each other and all else is equal."""
    if isinstance(found, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, float):
        return bool(np.isclose(found, wanted, **sums(200)))  # both are behind a few layers in f32
    return bool(found == wanted)


def write_classifier(folder: Path) -> None:
    """An image classifier of ten labels, with the notes by which model_api knows it."""
    rng = np.random.default_rng(1)
    image = ops.parameter([1, 3, 32, 32], np.float32, name="image")
    image.output(0).set_names({"image"})
    kernel = rng.standard_normal((8, 3, 3, 3), np.float32)
    features = ops.relu(ops.convolution(image, kernel, [2, 2], [1, 1], [1, 1], [1, 1]))
    mean = ops.reduce_mean(features, np.array([2, 3]), False)
    logits = ops.matmul(mean, rng.standard_normal((8, 10), np.float32) / 100, False, False)
    logits.output(0).set_names({"logits"})
    model = ov.Model([ops.result(logits, name="logits")], [image], "classifier")
    labels = [f"c{n}" for n in range(10)]
    notes = {"model_type": "Classification", "labels": labels, "output_raw_scores": True, "topk": 3}
    for name, value in notes.items():
        model.set_rt_info(value, ["model_info", name])
    ov.save_model(model, folder / "classifier.xml", compress_to_fp16=False)


PROGRAMS = {"rapidocr": RAPIDOCR, "model_api": MODEL_API, "keras": KERAS}


@pytest.mark.parametrize("package", PROGRAMS)
def test_a_program_gives_the_same_on_both(package: str, tmp_path: Path) -> None:
    program = PROGRAMS[package]
    if not installed(package):
        pytest.skip(f"{package} is not installed")
    write_classifier(tmp_path)
    found = output(program, tmp_path, on_ovlite=True)
    assert found
    if installed("openvino"):
        assert same(found, output(program, tmp_path, on_ovlite=False)), found

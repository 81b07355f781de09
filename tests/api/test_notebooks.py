"""What notebooks show: HTML of models, compiled models, results and profiles."""

from html.parser import HTMLParser

import numpy as np
import pytest

import ovlite as ov
import ovlite.opset13 as ops


@pytest.fixture(scope="module")
def model():
    x = ops.parameter([-1, 4], np.float32, name="x")
    y = ops.relu(ops.matmul(x, np.ones((4, 2), np.float32), False, False))
    x.output(0).set_names({"a <b>"})
    y.output(0).set_names({"y"})
    return ov.Model([y], [x], "a & <i>model</i>")


class Checked(HTMLParser):
    """Elements that are opened and closed in order, and the text between them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.tags = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in ("rect", "meta", "polyline", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("rect", "meta", "polyline", "br"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def words(shown):
    return " ".join(Checked(shown._repr_html_()).words)


def test_models(model):
    text = words(model)
    for word in ("a & <i>model</i>", "a <b>", "f32", "[?,4]", "[?,2]", "MatMul 1", "Relu 1", "MiB"):
        assert word in text


def test_compiled_models(model):
    text = words(ov.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1}))
    for word in ("a <b>", "[?,2]", "INFERENCE_NUM_THREADS 1", "NUM_STREAMS"):
        assert word in text


def test_results(model):
    compiled = ov.compile_model(model, "CPU")
    text = words(compiled(np.ones((100, 4), np.float32)))
    for word in ("y", "float32", "[100, 2]", "4."):
        assert word in text
    assert len(text) < 400
    assert words(compiled.create_infer_request().infer(np.ones((0, 4), np.float32)))


def test_profiles(model, monkeypatch):
    from ovlite import kernels
    from ovlite.runtime import profiling, roofline

    made_up = roofline.Roofline("a processor", kernels.level(), 1, 100.0, 10.0)
    monkeypatch.setattr(profiling, "roofline", lambda threads: made_up)
    compiled = ov.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1})
    inputs = np.ones((100, 4), np.float32)
    profile = compiled.profile(inputs, runs=2)
    assert "a processor" in words(profile) and "a & <i>model</i>" in words(profile)
    page = Checked(profile.html())
    assert page.tags.count("svg") == 2 and page.tags.count("tr") == len(profile.steps) + 1
    assert str(profile).count("\n") == len(profile.steps)
    assert compiled.create_infer_request().timed_steps() == []  # other requests are not timed
    np.testing.assert_array_equal(compiled(inputs)[0], np.full((100, 2), 4))


def test_profiles_of_plans_in_stages(monkeypatch):
    from ovlite.runtime import profiling, roofline

    monkeypatch.setattr(profiling, "roofline", lambda threads: roofline.Roofline("", "", 1, 100.0, 10.0))
    x = ops.parameter([-1], np.float32, name="x")
    compiled = ov.compile_model(ov.Model([ops.non_zero(x)], [x], "selection"), "CPU")
    profile = compiled.profile(np.array([0, 1, 2], np.float32), runs=2)
    assert profile.steps[0].kernel == "NonZero" and profile.buffers == () and profile.steps[0].bytes == 0
    assert "No arena" in words(profile)


@pytest.mark.parametrize("runs", [0, -1, 1.5, None])
def test_profiles_of_no_runs_are_refused(model, runs):
    with pytest.raises(TypeError, match="expected runs to be a positive int, got"):
        ov.compile_model(model, "CPU").profile(np.ones((100, 4), np.float32), runs=runs)


def test_a_model_without_steps(monkeypatch):
    from ovlite.runtime import profiling, roofline

    monkeypatch.setattr(profiling, "roofline", lambda threads: roofline.Roofline("", "", 1, 100.0, 10.0))
    x = ops.parameter([2], np.float32, name="x")
    profile = ov.compile_model(ov.Model([x], [x], "same"), "CPU").profile(np.ones(2, np.float32), runs=1)
    assert str(profile).startswith("step") and words(profile)

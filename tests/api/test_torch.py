"""convert_model of models of torch, where that and its exporter are installed."""

import numpy as np
import pytest

from ovlite.errors import ConversionError

from ..tolerances import sums

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("onnx")


class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.normalization = torch.nn.BatchNorm2d(8)
        self.head = torch.nn.Linear(8, 5)

    def forward(self, image, scale=None):
        features = torch.relu(self.normalization(self.convolution(image))).mean((2, 3))
        logits = self.head(features)
        return {"logits": logits if scale is None else logits * scale, "features": features}


IMAGE = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
EXAMPLES = {
    "tensor": IMAGE, "tuple": (IMAGE, torch.tensor(2.0)), "list": [IMAGE],
    "dict": {"image": IMAGE, "scale": torch.tensor(3.0)},
}  # fmt: skip


@pytest.mark.parametrize("form", EXAMPLES)
def test_forms_of_examples(lab, form):
    module, example = Classifier(), EXAMPLES[form]
    model = lab.ov.convert_model(module, example_input=example)
    assert module.training == (lab.name == "ovlite")  # openvino leaves it in eval()
    module.eval()
    assert "image" in model.inputs[0].names
    assert [{"logits", "features"} & set(port.names) for port in model.outputs] == [{"logits"}, {"features"}]
    assert model.inputs[0].partial_shape.rank.get_length() == 4 and model.inputs[0].partial_shape.is_dynamic
    named = example if isinstance(example, dict) else {}
    args = [] if named else list(example) if isinstance(example, (tuple, list)) else [example]
    results = lab.compile(model)({key: value.numpy() for key, value in [*enumerate(args), *named.items()]})
    expected = module(*args, **named)
    for name, value in expected.items():
        np.testing.assert_allclose(results[name], value.detach().numpy(), **sums(64))


def check_other_lengths(lab, module):
    module.eval()
    compiled = lab.compile(lab.ov.convert_model(module, example_input=torch.randn(2, 5, 4)))
    x = torch.randn(3, 7, 4)
    expected = module(x)
    expected = expected[0] if isinstance(expected, tuple) else expected
    np.testing.assert_allclose(compiled([x.numpy()])[0], expected.detach().numpy(), **sums(7 * 12))


def test_other_lengths_than_the_example_s(lab):
    check_other_lengths(lab, torch.nn.LSTM(4, 8, batch_first=True))


def test_other_lengths_of_attention(mine):
    """openvino's tracing keeps the example's."""
    check_other_lengths(mine, torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True))


def test_shapes_instead_of_an_example(lab):
    model = lab.ov.convert_model(torch.nn.Linear(4, 2), input=[[3, 4]])
    assert model.inputs[0].partial_shape == [3, 4]


def test_what_can_not_be_exported(mine):
    errors = pytest.raises(mine.submodule("errors").ConversionError, match="example_input")
    for example in (None, 3, ("a",), {}):
        with errors:
            mine.ov.convert_model(torch.nn.Linear(4, 2), example_input=example)

    class Raising(torch.nn.Module):
        def forward(self, x):
            raise ValueError("no such thing")

    with pytest.raises(mine.submodule("errors").ConversionError, match="no such thing"):
        mine.ov.convert_model(Raising(), example_input=torch.zeros(1))


class Recurrent(torch.nn.Module):
    """Torch's exporter can't make all sizes of a GRU's input dynamic that follow from an image."""

    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(1, 4, 3)
        self.recurrence = torch.nn.GRU(4, 5, batch_first=True)

    def forward(self, image):
        return self.recurrence(self.convolution(image).flatten(2).transpose(1, 2))[0]


class Fixed(torch.nn.Module):
    """The length of no dimension can be traced."""

    def forward(self, x):
        return x.reshape(int(str(x.shape[0])), int(str(x.shape[1])), -1)


@pytest.mark.parametrize(
    ("module", "shape", "kept"), [(Recurrent(), (2, 1, 8, 9), [True, False]), (Fixed(), (2, 5, 8), [False, False])]
)
def test_fewer_dimensions_are_dynamic_where_all_can_not_be(mine, caplog, module, shape, kept):
    caplog.set_level("WARNING", "ovlite")
    example = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    module.eval()
    model = mine.ov.convert_model(module, example_input=example)
    assert [dim.is_dynamic for dim in model.inputs[0].partial_shape][:2] == kept
    assert "dimensions of its inputs may change" in caplog.text
    with torch.no_grad():
        expected = module(example).numpy()
    np.testing.assert_allclose(mine.compile(model)(example.numpy())[0], expected, atol=1e-5)


def test_extensions_of_a_conversion(mine):
    frontend = mine.submodule("frontend")
    double = frontend.ConversionExtension(
        "Relu", lambda context: [mine.ops.multiply(context.get_input(0), np.float32(2)).output(0)]
    )
    model = mine.ov.convert_model(torch.nn.ReLU(), example_input=torch.ones(2, 3), extension=[double])
    assert mine.compile(model)(-np.ones((2, 3), np.float32))[0].tolist() == [[-2] * 3] * 2
    with pytest.raises(ConversionError, match="extension to be a Conversion"):
        mine.ov.convert_model(torch.nn.ReLU(), example_input=torch.ones(2, 3), extension="lib.so")

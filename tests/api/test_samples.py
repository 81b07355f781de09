"""How openvino's samples, notebooks and the programs of others call it, on models made here."""

import json
import sys
from pathlib import Path
from statistics import median

import numpy as np
import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photo():
    """An image of 48 x 40 pixels in BGR, as cv2.imread gives it."""
    return np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)


def classifier(lab, size=32, classes=10):
    """probabilities = softmax(weights of the mean pixel), an image of f32 in NCHW."""
    ops, rng = lab.ops, np.random.default_rng(1)
    image = ops.parameter([1, 3, size, size], np.float32, name="image")
    image.output(0).set_names({"image"})
    kernel = rng.standard_normal((8, 3, 3, 3), np.float32)
    features = ops.relu(ops.convolution(image, kernel, [2, 2], [1, 1], [1, 1], [1, 1]))
    mean = ops.reduce_mean(features, np.array([2, 3]), False)
    scores = ops.matmul(mean, rng.standard_normal((8, classes), np.float32) / 100, False, False)
    result = ops.softmax(scores, 1)
    result.output(0).set_names({"probabilities"})
    return lab.ov.Model([ops.result(result, name="probabilities")], [image], "classifier")


def expected_of(lab, model, photo, offset=0.0):
    """The probabilities for a photo of which each pixel is one at `offset` in the 32 x 32 parts of it, or before."""
    rows, columns = (np.floor((np.arange(32) + offset) * n / 32).astype(int) for n in photo.shape[:2])
    image = photo[rows][:, columns].transpose(2, 0, 1)[None].astype(np.float32)
    return lab.compile(model)([image])[0]


def test_hello_classification(lab, folder, photo):
    """Reading a file, a chain of preprocessing, compile_model, and the results by order of probability."""
    ov = lab.ov
    ov.save_model(classifier(lab), "classifier.xml", compress_to_fp16=False)
    core = ov.Core()
    model = core.read_model("classifier.xml")
    assert len(model.inputs) == 1 and len(model.outputs) == 1
    tensor = np.expand_dims(photo, 0)
    steps = lab.submodule("preprocess")
    ppp = steps.PrePostProcessor(model)
    ppp.input().tensor().set_shape(tensor.shape).set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    ppp.input().preprocess().resize(steps.ResizeAlgorithm.RESIZE_NEAREST)
    ppp.input().model().set_layout(ov.Layout("NCHW"))
    ppp.output().tensor().set_element_type(ov.Type.f32)
    model = ppp.build()
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled.infer_new_request({0: tensor})
    predictions = next(iter(results.values()))
    probabilities = predictions.reshape(-1)
    top = np.argsort(probabilities)[-3:][::-1]
    wanted = expected_of(lab, classifier(lab), photo, 0.5).reshape(-1)
    np.testing.assert_allclose(probabilities, wanted, rtol=0, atol=1e-5)
    assert top[0] == wanted.argmax()


def test_classification_sample_async(lab, folder, photo):
    """A queue of requests with a callback that knows which image it is called for."""
    ov, found = lab.ov, {}
    compiled = lab.compile(classifier(lab, 48), PERFORMANCE_HINT="THROUGHPUT")
    square = np.pad(photo, ((0, 0), (0, 8), (0, 0))).transpose(2, 0, 1)[None].astype(np.float32)
    images = [np.roll(square, n, 2) for n in range(5)]

    def completion_callback(infer_request, image_path):
        predictions = next(iter(infer_request.results.values()))
        found[image_path] = predictions.copy()

    queue = ov.AsyncInferQueue(compiled, len(images))
    queue.set_callback(completion_callback)
    for i, input_tensor in enumerate(images):
        queue.start_async({0: input_tensor}, f"image{i}.bmp")
    queue.wait_all()
    assert sorted(found) == [f"image{i}.bmp" for i in range(5)]
    for i, image in enumerate(images):
        np.testing.assert_allclose(found[f"image{i}.bmp"], compiled([image])[0], rtol=0, atol=1e-5)


def test_hello_reshape_ssd(lab, photo):
    """A model of another input size than the image: reshape() to the image's, by port."""
    ov, ops = lab.ov, lab.ops
    image = ops.parameter([1, 3, 20, 20], np.float32, name="data")
    pooled = ops.adaptive_avg_pool(image, np.array([2, 2]))
    flat = ops.reshape(pooled, np.array([1, 1, 4, 3]), False)
    heads = np.tile(np.array([[0, 1, 0.9, 0.25]], np.float32), (4, 1))[None, None]
    boxes = ops.concat([ops.constant(heads), flat], 3)
    model = ov.Model([ops.result(boxes, name="detection_out")], [image], "ssd")
    tensor = np.expand_dims(photo, 0)
    _, height, width, _ = tensor.shape
    ov.layout_helpers.set_layout(model.input(), ov.Layout("NCHW"))
    model.reshape({0: ov.PartialShape((1, 3, height, width))})
    assert list(model.input().shape) == [1, 3, 48, 40]
    steps = lab.submodule("preprocess")
    ppp = steps.PrePostProcessor(model)
    ppp.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    ppp.input().model().set_layout(ov.Layout("NCHW"))
    ppp.output().tensor().set_element_type(ov.Type.f32)
    compiled = lab.compile(ppp.build())
    detections = next(iter(compiled.infer_new_request({0: tensor}).values())).reshape(-1, 7)
    quarters = photo.reshape(2, 24, 2, 20, 3).mean((1, 3)).transpose(2, 0, 1).reshape(4, 3)
    np.testing.assert_allclose(detections[:, 4:], quarters, rtol=1e-5)
    assert [int(detection[1]) for detection in detections if detection[2] > 0.5] == [1] * 4


def test_model_creation_sample(lab):
    """LeNet from the node factories, weights out of one buffer."""
    ov, ops = lab.ov, lab.ops
    weights, offset = np.random.default_rng(3).standard_normal(500_000).astype(np.float32) / 20, 0

    def take(*shape):
        nonlocal offset
        count = int(np.prod(shape))
        offset += count
        return ops.constant(weights[offset - count : offset].reshape(shape), dtype=np.float32)

    data = ops.parameter(ov.Shape([1, 1, 28, 28]), dtype=np.float32, name="data")
    node = data
    for outputs, inputs in ((20, 1), (50, 20)):
        pads = ov.CoordinateDiff([0, 0])
        node = ops.convolution(node, take(outputs, inputs, 5, 5), [1, 1], pads, pads, [1, 1])
        node = ops.add(node, take(1, outputs, 1, 1))
        node = ops.max_pool(node, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2], "ceil", None).output(0)
    node = ops.reshape(node, ops.constant(np.array([-1, 800], np.int64)), True)
    node = ops.relu(ops.add(ops.matmul(node, take(500, 800), False, True), take(1, 500)))
    node = ops.softmax(ops.add(ops.matmul(node, take(10, 500), False, True), take(1, 10)), 1)
    model = ov.Model([ops.result(node, name="prob")], [data], "lenet")
    digits = np.random.default_rng(4).random((1, 1, 28, 28), np.float32)
    result = lab.compile(model).infer_new_request({0: digits})
    probabilities = next(iter(result.values()))
    assert probabilities.shape == (1, 10)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert [op.get_type_name() for op in model.get_ordered_ops()].count("Convolution") == 2


def test_sync_and_throughput_benchmarks(lab):
    """Requests filled through the data of their tensors, in turns."""
    ov = lab.ov
    core = ov.Core()
    compiled = core.compile_model(classifier(lab), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    for model_input in compiled.inputs:
        dtype, shape = model_input.element_type.to_dtype(), list(model_input.shape)
        request.get_tensor(model_input).data[:] = np.random.default_rng(0).random(shape).astype(dtype)
    latencies = []
    for _ in range(3):
        request.infer()
        latencies += [request.latency]
    assert median(latencies) > 0
    compiled = core.compile_model(classifier(lab), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    count = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
    requests = [compiled.create_infer_request() for _ in range(count)]
    for each in requests:
        for model_input in compiled.inputs:
            each.get_tensor(model_input).data[:] = 1
    for each in requests * 2:
        each.wait()
        each.start_async()
    for each in requests:
        each.wait()
    assert len({each.get_output_tensor().data.tobytes() for each in requests}) == 1


def test_hello_query_device(lab):
    """Every device, with the properties that it says it has; some of openvino's have no type in Python."""
    core, told = lab.ov.Core(), {}
    for device in core.available_devices:
        for key in core.get_property(device, "SUPPORTED_PROPERTIES"):
            try:
                told[device, key] = str(core.get_property(device, key))
            except TypeError:
                assert lab.name == "openvino"
    assert told["CPU", "NUM_STREAMS"].isdecimal() and told["CPU", "PERFORMANCE_HINT"].startswith("PerformanceMode.")
    assert core.get_property("CPU", "FULL_DEVICE_NAME")
    assert core.get_versions("CPU")["CPU"].build_number


def test_bert_benchmark(lab):
    """Sentences of all lengths to a model of dynamic length, through a queue."""
    ov, ops = lab.ov, lab.ops
    rng = np.random.default_rng(5)
    ids = ops.parameter([-1, -1], np.int64, name="input_ids")
    mask = ops.parameter([-1, -1], np.int64, name="attention_mask")
    for port in (ids, mask):
        port.output(0).set_names({port.get_friendly_name()})
    table = rng.standard_normal((20, 8)).astype(np.float32)
    weighted = ops.multiply(ops.gather(table, ids, 0), ops.unsqueeze(ops.convert(mask, "f32"), np.array([2])))
    model = ov.Model([ops.result(ops.reduce_sum(weighted, np.array([1]), False), name="pooled")], [ids, mask], "bert")
    for model_input in model.inputs:
        model_input.get_node().layout = ov.Layout("N...")
    ov.set_batch(model, 1)
    assert str(model.input("input_ids").partial_shape) == "[1,?]"
    queue, sums, sentences = ov.AsyncInferQueue(lab.compile(model, PERFORMANCE_HINT="THROUGHPUT")), {}, []
    queue.set_callback(lambda request, n: sums.__setitem__(n, request.get_output_tensor().data.copy()))
    for n in range(12):
        length = 1 + n % 5
        words = rng.integers(0, 20, (1, length))
        sentences.append({"input_ids": words, "attention_mask": np.ones_like(words)})
        queue.start_async(sentences[-1], n)
    queue.wait_all()
    for n, sentence in enumerate(sentences):
        np.testing.assert_allclose(sums[n], table[sentence["input_ids"]].sum(1), rtol=1e-5, atol=1e-5)


def test_notebook_hello_world(lab, folder):
    """The ports of a compiled model as keys of the result; shapes unpacked into names; a folder for the cache."""
    ov = lab.ov
    ov.save_model(classifier(lab), Path("model") / "classifier.xml")
    core = ov.Core()
    core.set_property({"CACHE_DIR": "cache"})
    model = core.read_model(model=Path("model/classifier.xml"), weights=Path("model/classifier.bin"))
    compiled = core.compile_model(model=model, device_name="AUTO")
    input_key, output_layer = compiled.input(0), compiled.output(0)
    _, _, height, width = input_key.shape
    result = compiled([np.zeros((1, 3, height, width), np.float32)])[output_layer]
    assert result.shape == tuple(output_layer.shape) == (1, 10)
    assert compiled.input("image").any_name == "image" and next(iter(compiled.outputs)) == output_layer
    assert np.argmax(result) in range(10) and result.squeeze().ndim == 1


def test_notebook_dynamic_batches_and_a_saved_graph(lab, folder):
    """reshape() with -1 and ranges, export and import of the compiled model, and json of what is asked."""
    ov = lab.ov
    model = classifier(lab)
    model.reshape([-1, 3, 32, 32])
    assert model.is_dynamic() and str(model.output(0).partial_shape) == "[?,10]"
    core = ov.Core()
    compiled = core.compile_model(model, "CPU")
    Path("model.blob").write_bytes(compiled.export_model().getvalue())
    again = core.import_model(Path("model.blob").read_bytes(), "CPU")
    images = np.random.default_rng(6).random((4, 3, 32, 32), np.float32)
    np.testing.assert_array_equal(again(images)["probabilities"], compiled(images)["probabilities"])
    model.reshape({"image": [(1, 8), 3, 32, 32]})
    assert str(model.input(0).partial_shape) == "[1..8,3,32,32]"
    told = {"inputs": {port.any_name: str(port.partial_shape) for port in model.inputs}, "python": sys.version_info[:2]}
    assert json.loads(json.dumps(told))["inputs"] == {"image": "[1..8,3,32,32]"}


def test_two_requests_in_turns(lab, photo):
    """The loop of video demos: while one request runs the next frame is prepared."""
    compiled = lab.compile(classifier(lab))
    current, following = compiled.create_infer_request(), compiled.create_infer_request()
    frames = [np.full((1, 3, 32, 32), n, np.float32) for n in range(6)]
    found = []
    current.set_tensor("image", lab.ov.Tensor(frames[0]))
    current.start_async()
    for frame in [*frames[1:], None]:
        if frame is not None:
            following.set_tensor("image", lab.ov.Tensor(frame))
            following.start_async()
        if current.wait_for(10_000) is not False:
            found.append(current.get_tensor("probabilities").data.copy())
        current, following = following, current
    for frame, probabilities in zip(frames, found, strict=True):
        np.testing.assert_allclose(probabilities, compiled([frame])[0], rtol=0, atol=1e-6)


def test_a_step_of_preprocessing_made_of_nodes(lab, photo):
    """model_api's way to resize: a function that makes nodes, given to custom()."""
    ov, ops, steps = lab.ov, lab.ops, lab.submodule("preprocess")
    custom = lab.submodule("utils.decorators").custom_preprocess_function

    @custom
    def resized(output):
        size = ops.constant(np.array([32, 32], np.int64))
        node = ops.interpolate(
            ops.convert(output, "f32"), size, mode="nearest", shape_calculation_mode="sizes",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor", axes=ops.constant(np.array([1, 2])),
        )  # fmt: skip
        return ops.convert(node, "u8")

    model = classifier(lab)
    ppp = steps.PrePostProcessor(model)
    ppp.input(0).tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_shape([1, -1, -1, 3])
    ppp.input(0).preprocess().custom(resized)
    ppp.input(0).preprocess().convert_element_type(ov.Type.f32)
    ppp.input(0).model().set_layout(ov.Layout("NCHW"))
    found = lab.compile(ppp.build())([photo[None]])[0]
    np.testing.assert_allclose(found, expected_of(lab, classifier(lab), photo), rtol=0, atol=1e-5)


@pytest.mark.parametrize("axis", [0, -1])
def test_a_scalar_has_an_axis_to_drop(lab, axis):
    """Keras squeezes and reduces what may be a scalar."""
    x = lab.ops.parameter([], np.float32)
    total = lab.ops.reduce_sum(lab.ops.squeeze(x, np.array([axis])), np.array([axis]), False)
    model = lab.ov.Model([total], [x], "scalar")
    assert lab.compile(model)([np.array(3, np.float32)])[0] == 3
    with pytest.raises(RuntimeError):
        lab.ops.squeeze(x, np.array([1]))


@pytest.mark.parametrize("start", [3, 30])
def test_a_loop_that_gives_back_integers_of_another_width(lab, start):
    """Keras's while_loop: an i64 goes in, the body makes an i32 of it."""
    ov, ops = lab.ov, lab.ops
    x, inner = ops.parameter([], np.int64), ops.parameter([], np.int64)
    value = ops.add(ops.convert(inner, "i32"), np.int32(1))
    body = ov.Model([ops.less(value, np.int32(10)), value], [inner], "body")
    loop = ops.loop(ops.constant(np.int32(-1)), ops.less(x, np.int64(10)))
    loop.set_function(body)
    loop.set_special_body_ports([-1, 0])
    loop.set_merged_input(inner, x.output(0), value.output(0))
    out = loop.get_iter_value(value.output(0))
    compiled = lab.compile(ov.Model([out], [x], "count"))
    result = compiled([np.array(start, np.int64)])[0]
    assert result == max(10, start) and result.dtype == np.int32


def test_a_constant_of_a_numpy_dtype_by_its_name(lab):
    """Keras names dtypes by str."""
    assert lab.ops.constant([-1], dtype="int64").get_element_type() == lab.ov.Type.i64
    with pytest.raises(TypeError, match="data type 'f32' not understood"):
        lab.ops.constant(1, dtype="f32")

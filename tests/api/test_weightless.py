"""Exported and cached models without their weights, and encrypted ones."""

import base64

import numpy as np
import pytest

from ovlite.runtime.weightless import put_together

KEY = "CACHE_ENCRYPTION_CALLBACKS"


def flipped(data):
    return bytes(255 - byte for byte in data)


@pytest.fixture
def files(mine, tmp_path):
    """An IR with 256 KiB of weights, some of them in the body of a loop, a core, an input and the output."""
    rng = np.random.default_rng(0)
    x = mine.parameter((2, 256))
    inner = mine.parameter((2, 256), name="inner")
    body = mine.ov.Model([mine.ops.add(inner, rng.standard_normal((2, 256)).astype(np.float32))], [inner])
    loop = mine.ops.loop(np.int64(3), np.array(True))
    loop.set_function(body)
    product = mine.ops.matmul(x, rng.standard_normal((256, 256)).astype(np.float32), False, False)
    loop.set_special_body_ports([-1, -1])
    loop.set_merged_input(inner, product.output(0), body.results[0].output(0))
    model = mine.ov.Model([loop.get_iter_value(body.results[0].output(0))], [x], "weights")
    mine.ov.save_model(model, tmp_path / "m.xml", compress_to_fp16=False)
    core = mine.ov.Core()
    data = rng.standard_normal((2, 256)).astype(np.float32)
    return tmp_path, core, data, core.compile_model(tmp_path / "m.xml", "CPU")(data)[0]


@pytest.mark.parametrize("config", [{"ENABLE_WEIGHTLESS": True}, {"CACHE_MODE": "OPTIMIZE_SIZE"}])
@pytest.mark.parametrize("mapped", [True, False])
def test_weights_stay_in_their_file(files, config, mapped):
    folder, core, data, expected = files
    core.set_property({"ENABLE_MMAP": mapped})
    compiled = core.compile_model(folder / "m.xml", "CPU", config)
    exported = compiled.export_model().getvalue()
    assert len(exported) < 20_000 < 262_144 < len(core.compile_model(folder / "m.xml", "CPU").export_model().getvalue())
    with pytest.raises(RuntimeError, match="pass WEIGHTS_PATH"):
        core.import_model(exported, "CPU")
    for place in (str(folder / "m.bin"), str(folder / "m.xml")):
        again = core.import_model(exported, "CPU", {"WEIGHTS_PATH": place})
        assert (again(data)[0] == expected).all()
    again = core.import_model(exported, "CPU", {"MODEL_PTR": core.read_model(folder / "m.xml")})
    assert (again(data)[0] == expected).all()


def test_other_weights_are_refused(files):
    folder, core, _, _ = files
    exported = core.compile_model(folder / "m.xml", "CPU", {"ENABLE_WEIGHTLESS": True}).export_model().getvalue()
    changed = bytearray((folder / "m.bin").read_bytes())
    changed[1000] ^= 1
    (folder / "changed.bin").write_bytes(changed)
    (folder / "short.bin").write_bytes(changed[:1000])
    for name in ("changed.bin", "short.bin"):
        with pytest.raises(RuntimeError, match="not those of the model"):
            core.import_model(exported, "CPU", {"WEIGHTS_PATH": str(folder / name)})
    with pytest.raises(RuntimeError, match="WEIGHTS_PATH: can't open"):
        core.import_model(exported, "CPU", {"WEIGHTS_PATH": str(folder / "none.bin")})


def test_weights_that_lie_in_no_file_are_exported(mine, A):
    exported = mine.compile(mine.plus_one(), ENABLE_WEIGHTLESS=True).export_model().getvalue()
    assert (mine.ov.Core().import_model(exported, "CPU")(A)[0] == A + 1).all()


@pytest.mark.parametrize("config", [{"ENABLE_WEIGHTLESS": True}, {KEY: [flipped, flipped]}])
def test_the_cache_and_pickles(files, config):
    import pickle

    folder, core, data, expected = files
    config = {**config, "CACHE_DIR": str(folder / "cache")}
    compiled = core.compile_model(folder / "m.xml", "CPU", config)
    again = core.compile_model(folder / "m.xml", "CPU", config)
    assert not compiled.get_property("LOADED_FROM_CACHE") and again.get_property("LOADED_FROM_CACHE")
    assert (again(data)[0] == expected).all()
    assert (pickle.loads(pickle.dumps(again))(data)[0] == expected).all()


def test_encrypted_models(files, caplog):
    caplog.set_level("WARNING", "ovlite")
    folder, core, data, expected = files
    config = {KEY: [flipped, flipped]}
    exported = core.compile_model(folder / "m.xml", "CPU", config).export_model().getvalue()
    assert b"<net" not in exported and b"<net" in flipped(exported)
    assert (core.import_model(exported, "CPU", config)(data)[0] == expected).all()
    again = core.import_model(exported, "CPU", config).export_model().getvalue()
    assert again == exported, "an imported model is exported encrypted too"
    with pytest.raises(RuntimeError, match="is encrypted; pass CACHE_ENCRYPTION_CALLBACKS"):
        core.import_model(exported, "CPU")
    with pytest.raises(RuntimeError, match="was not decrypted"):
        core.import_model(exported, "CPU", {KEY: [flipped, lambda data: data]})
    plain = core.compile_model(folder / "m.xml", "CPU").export_model().getvalue()
    assert (core.import_model(plain, "CPU", config)(data)[0] == expected).all()
    cached = {"CACHE_DIR": str(folder / "cache")}
    core.compile_model(folder / "m.xml", "CPU", cached | config)
    assert not core.compile_model(folder / "m.xml", "CPU", cached).get_property("LOADED_FROM_CACHE")
    assert "is encrypted" in caplog.text


def test_callbacks_as_openvino_takes_them(lab, A):
    config = {KEY: [base64.b64encode, base64.b64decode]}
    exported = lab.compile(lab.plus_one(), **config).export_model().getvalue()
    assert (lab.ov.Core().import_model(exported, "CPU", config)(A)[0] == A + 1).all()


@pytest.mark.parametrize("wrong", [[flipped], [flipped, 3], flipped, (flipped, flipped), None, [], "x"])
def test_what_callbacks_are(mine, wrong):
    with pytest.raises(RuntimeError, match="a list of two functions"):
        mine.compile(mine.plus_one(), **{KEY: wrong})


def test_what_a_callback_raises_or_returns(mine):
    def fails(data):
        raise ValueError("no key")

    with pytest.raises(RuntimeError, match="encrypts raised ValueError: no key"):
        mine.compile(mine.plus_one(), **{KEY: [fails, fails]}).export_model()
    with pytest.raises(RuntimeError, match="encrypts returned a list, not bytes"):
        mine.compile(mine.plus_one(), **{KEY: [list, list]}).export_model()


def test_lengths_that_a_file_makes_up_ask_for_no_memory():
    parts = {"digest": "", "parts": [[-1, 1 << 50], [-1, 1 << 62]]}
    with pytest.raises(RuntimeError, match="the weights are not those of the model"):
        put_together(memoryview(b"few"), parts, None)

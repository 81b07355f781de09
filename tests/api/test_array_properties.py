"""Arrays of every layout in every form of a call: the right answer, or a clear error, and the array as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..strategies import shapes, strided

DTYPES = ["f4", ">f4", "f8", "f2", "i4", ">i8", "u1", "?"]


def call(compiled, array, share):
    return compiled([array], share_inputs=share)[0]


def infer(compiled, array, share):
    return compiled.create_infer_request().infer({0: array}, share_inputs=share)[0]


def start_async(compiled, array, share):
    request = compiled.create_infer_request()
    request.start_async([array], share_inputs=share)
    request.wait()
    return request.get_output_tensor().data


def out(compiled, array, share):
    """Into the middle of an array, whose ends stay as they are."""
    whole = np.full(array.size + 2, 77, np.float32)
    result = whole[1:-1].reshape(array.shape)
    compiled([array], share_inputs=share, out=result)
    assert whole[0] == whole[-1] == 77
    return result


FORMS = [call, infer, start_async, out]


@st.composite
def arrays(draw):
    """An array within its memory: axes in any order, steps, backwards, repeated, not aligned, read-only or not."""
    shape = draw(shapes(rank=4, elements=400))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    _, array = draw(strided(shape, np.float32, fill=3, repeats=True))
    array = np.asarray(array).astype(dtype, order="K", copy=False)
    if array.size and draw(st.booleans()):
        memory = np.zeros(array.size * dtype.itemsize + 1, np.uint8)
        odd = memory[1:].view(dtype).reshape(array.shape)
        odd[...] = array
        array = odd
    if draw(st.booleans()):
        array.flags.writeable = False
    return array


@pytest.fixture(scope="module")
def models():
    """Compiled y = x * 2 + 1, of known and of unknown sizes, by shape."""
    import ovlite as ov
    import ovlite.opset13 as ops

    made = {}

    def model(shape):
        if shape not in made:
            x = ops.parameter(list(shape), np.float32, name="x")
            y = ops.add(ops.multiply(x, np.float32(2)), np.float32(1))
            made[shape] = ov.compile_model(ov.Model([ops.result(y)], [x], "double"), "CPU")
        return made[shape]

    return model


@settings(max_examples=150)
@given(array=arrays(), form=st.sampled_from(FORMS), share=st.booleans(), dynamic=st.booleans())
def test_every_layout(models, array, form, share, dynamic):
    before = array.copy()
    compiled = models((-1,) * array.ndim if dynamic else array.shape)
    result = form(compiled, array, share)
    np.testing.assert_array_equal(result, before.astype(np.float32) * 2 + 1)
    assert result.shape == array.shape and result.dtype == np.float32
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [True, False])
def test_repeated_elements(models, form, share):
    """Strides of 0: a tensor of 4 MiB in the memory of one element."""
    array = np.lib.stride_tricks.as_strided(np.ones(1, np.float32), (1 << 10, 1 << 10), (0, 0))
    result = form(models((1 << 10, 1 << 10)), array, share)
    assert result.min() == result.max() == 3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [True, False])
def test_far_apart(models, form, share):
    """Strides of half a GiB, in memory that is mapped and never touched but there."""
    import mmap

    memory = np.frombuffer(mmap.mmap(-1, (1 << 30) + 64), np.float32)
    array = memory[:: 1 << 27]
    array[...] = [1, 2, 3]
    np.testing.assert_array_equal(form(models((3,)), array, share), [3, 5, 7])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [True, False])
def test_overlapping_windows(models, form, share):
    array = np.lib.stride_tricks.sliding_window_view(np.arange(12, dtype=np.float32), 5)
    np.testing.assert_array_equal(form(models((8, 5)), array, share), array * 2 + 1)


@pytest.mark.parametrize("dtype", ["U3", "M8[s]", "V4"])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_number(models, form, dtype):
    with pytest.raises((TypeError, RuntimeError, ValueError)):
        form(models((3,)), np.zeros(3, dtype), True)

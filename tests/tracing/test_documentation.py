"""numpy's own documentation examples of traced functions: the same result, or an error that names the line."""

import contextlib
import doctest
import io

import numpy as np
import pytest

import ovlite as ov
from ovlite.errors import TraceError
from ovlite.tracing import jit as jit  # registers what is traced
from ovlite.tracing.array import FUNCTIONS, UFUNCS

from .support import same

ABOUT = {np.empty_like, np.iscomplexobj, np.ndim, np.result_type, np.shape, np.size}  # give no arrays, or any elements
TRACED = sorted({*FUNCTIONS, *UFUNCS} - ABOUT, key=lambda function: (function.__module__ or "", function.__name__))


class Compared:
    """numpy, whose traced functions run compiled as well, and are compared."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        found = getattr(self._module, name)
        if found is np.linalg:
            return Compared(found)
        if not callable(found) or isinstance(found, type) or found not in TRACED:
            return found

        def run(*args, **kwargs):
            args = [*(_array(arg) for arg in args[: getattr(found, "nin", 1)]), *args[getattr(found, "nin", 1) :]]
            try:
                expected = found(*args, **kwargs)
            except Exception:
                with pytest.raises(Exception):  # noqa: B017  which one, numpy decides
                    ov.jit(lambda *args: found(*args, **kwargs))(*args)
                raise
            try:
                got = ov.jit(lambda *args: found(*args, **kwargs))(*args)
            except TraceError as error:
                assert str(error).startswith(f"{__file__}:")
            else:
                same(got, expected, 16)
            return expected

        return run


def _array(value):
    """A list of numbers as the array that it stands for."""
    if not isinstance(value, list):
        return value
    with contextlib.suppress(ValueError):
        array = np.asarray(value)
        return array if array.dtype.kind in "biuf" else value
    return value


@pytest.mark.parametrize("function", TRACED, ids=lambda function: function.__name__)
@pytest.mark.filterwarnings("ignore")
def test_examples(function):
    names, wrong = {"np": Compared(np)}, []
    for example in doctest.DocTestParser().get_examples(function.__doc__ or ""):
        if "plt" in example.source or "import" in example.source:
            continue
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(example.source, function.__name__, "single"), names)
        except (AssertionError, pytest.fail.Exception) as error:
            wrong.append(f"{example.source}{error}")
        except Exception as error:  # examples of errors, and what follows an example that was left out
            assert example.exc_msg or isinstance(error, NameError), example.source
    assert not wrong, "\n".join(wrong)

"""Programs written for openvino, run on ovlite without a change to them.

    import ovlite.as_openvino                      # before anything imports openvino
    python -m ovlite.as_openvino script.py args    # or -m package args, or -c code args, as the interpreter takes them

From then on `import openvino` and its submodules give ovlite, classes and all; so do `openvino.runtime`
and what is below it, the place of the API in older releases. The version that is answered, by
get_version(), `__version__` and importlib.metadata, is that of the openvino release whose API ovlite
follows, so that a program's version checks decide as they do there; get_version() also says that it
is ovlite. A process that has imported the real openvino can't be turned over: ImportError. The worker
processes that multiprocessing starts for a program which runs in this way are turned over too; any
other program that is started has to import this module itself.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import ovlite

from .runtime.aliases import Alias
from .version import get_version as own_version

RELEASE = "2026.4.1"
NAME = "openvino"
_OTHER_FORMATS = "ovlite reads ONNX files and IRs: export the model to ONNX, or save it as an IR with openvino itself"
# Parts of openvino that ovlite hasn't, and what to do instead.
ABSENT = {
    "frontend.jax": _OTHER_FORMATS,
    "frontend.paddle": _OTHER_FORMATS,
    "frontend.pytorch": _OTHER_FORMATS,
    "frontend.tensorflow": _OTHER_FORMATS,
    "inference_engine": "openvino itself has removed it; use openvino.Core",
    "tools.benchmark.benchmark": "`python -m ovlite model.xml` measures a model",
    "tools.benchmark.main": "`python -m ovlite model.xml` measures a model",
    "tools.mo": "openvino itself has removed it; use openvino.convert_model",
    "torch": "torch.compile needs openvino itself; export the model to ONNX and compile that",
}
# Modules of openvino's bindings that ovlite has under another name.
PLACES = {"util": "utils"}
USAGE = "usage: python -m ovlite.as_openvino (script.py | -m module | -c code) [argument ...]"


def get_version() -> str:
    """The release whose API this is, then a build number as programs expect it, and what it really is."""
    return f"{RELEASE}-0-ovlite-{own_version()}"


class _Front(Loader):
    """Loads `openvino`: a module that passes all names on to ovlite, but for the version."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        def __getattr__(name: str) -> Any:
            try:
                return getattr(ovlite, name)
            except AttributeError:
                text = f"module {module.__name__!r}, which is ovlite, has no attribute {name!r}"
                raise AttributeError(text) from None

        module.__dict__.update(
            __doc__=ovlite.__doc__,
            __version__=get_version(),
            get_version=get_version,
            __getattr__=__getattr__,
            __dir__=lambda: dir(ovlite),
        )


class _Absent(Loader):
    """Stands for a submodule that ovlite hasn't: importing it tells what to do."""

    def __init__(self, advice: str) -> None:
        self.advice = advice

    def exec_module(self, module: ModuleType) -> None:
        self.get_code(module.__name__)

    def get_code(self, fullname: str) -> NoReturn:
        raise ModuleNotFoundError(f"{fullname} is not a part of ovlite: {self.advice}", name=fullname)


class _Metadata(Distribution):
    """Metadata of the package openvino, for importlib.metadata."""

    FILES = {
        "METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {RELEASE}\nSummary: served by ovlite\n",
        "top_level.txt": f"{NAME}\n",
    }

    def read_text(self, filename: str) -> str | None:
        return self.FILES.get(filename)

    def locate_file(self, path: str | PathLike[str]) -> Any:
        return Path(ovlite.__path__[0]).parent / path


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in (NAME, f"{NAME}.runtime"):
            return ModuleSpec(fullname, _Front(), is_package=True)
        if not fullname.startswith(f"{NAME}."):
            return None
        place = fullname.removeprefix(f"{NAME}.").removeprefix("runtime.").removeprefix("_pyopenvino.")
        place = PLACES.get(place, place)
        if place in ABSENT:
            return ModuleSpec(fullname, _Absent(ABSENT[place]))
        try:
            found = find_spec(f"ovlite.{place}")
        except ModuleNotFoundError:
            return None
        if found is None:
            return None
        return ModuleSpec(fullname, Alias(found.name), origin=found.origin)

    def find_distributions(self, context: DistributionFinder.Context | None = None) -> Iterable[Distribution]:
        """The distribution openvino, when it or all are asked for."""
        asked = None if context is None else context.name
        return [_Metadata()] if asked is None or asked.lower() == NAME else []


def install() -> None:
    """Puts ovlite in the place of openvino; ImportError when the real one is imported already."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    if NAME in sys.modules:
        raise ImportError("openvino itself is imported already; import ovlite.as_openvino before all that imports it")
    sys.meta_path.insert(0, _Finder())


def run(arguments: Sequence[str]) -> None:
    """Runs a script, with -m a module or with -c code as the main program, with the arguments behind it."""
    given = list(arguments)
    if not given or given[0].startswith("-") and (given[0] not in ("-m", "-c") or len(given) == 1):
        sys.exit(USAGE)
    _turn_workers_over()
    if given[0] == "-m":
        sys.argv = given[1:]
        runpy.run_module(given[1], run_name="__main__", alter_sys=True)
    elif given[0] == "-c":
        sys.argv = ["-c", *given[2:]]
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(given[1], "<string>", "exec"), main.__dict__)  # noqa: S102 - the code is the command line's
    else:
        sys.argv = given
        sys.path[0] = str(Path(given[0]).resolve().parent)
        runpy.run_path(given[0], run_name="__main__")


def _turn_workers_over() -> None:
    """Lets the workers that multiprocessing spawns import this module before the main program.

    What a worker reads first is a pickled dict; unpickling a reference to install() imports this module.
    """
    from multiprocessing import spawn

    prepare = spawn.get_preparation_data

    def with_ovlite(name: str) -> dict[str, Any]:
        return {**prepare(name), NAME: install}

    spawn.get_preparation_data = with_ovlite


if __name__ == "__main__":
    import_module("ovlite.as_openvino").run(sys.argv[1:])
else:
    install()

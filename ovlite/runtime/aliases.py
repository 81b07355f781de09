"""Other names for modules: the modules of ovlite that openvino.runtime had too, under ovlite.runtime."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # importlib.abc, and importlib.util below, are slow to import

PACKAGE = __name__.rpartition(".")[0]
ROOT = PACKAGE.rpartition(".")[0]
SHARED = {"exceptions", "op", "passes", "properties", "utils", *(f"opset{number}" for number in range(1, 18))}


class Alias(Loader):
    """Loads a module as another one, which keeps its own name and spec."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self.target)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the module, which runpy runs it from."""
        from importlib.abc import InspectLoader
        from importlib.util import find_spec

        spec = find_spec(self.target)
        loader = None if spec is None else spec.loader
        return loader.get_code(self.target) if isinstance(loader, InspectLoader) else None


class Finder:
    """Finds `ovlite.runtime.opset13` and the others of SHARED, with what is below them, as `ovlite.opset13`."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(f"{PACKAGE}.")
        if package or name.partition(".")[0] not in SHARED:
            return None
        from importlib.util import find_spec

        found = find_spec(f"{ROOT}.{name}")
        return None if found is None else ModuleSpec(fullname, Alias(found.name), origin=found.origin)

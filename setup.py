"""Builds ovlite's extension modules.

The sources under kernels/ are of two kinds. The modules in SHARED are compiled once. Every other
`.pyx` there is a kernel family and is compiled once per instruction-set level, from copies staged
under build/, as `ovlite.kernels.<level>.<family>`; `ovlite.kernels` picks one level at import.

Switches, read from the environment:

    OVLITE_DEBUG=1        bounds checks, C asserts, -O1 -g
    OVLITE_SANITIZE=1     the same, with AddressSanitizer and UndefinedBehaviorSanitizer
    OVLITE_LEVELS=a,b     only these levels (baseline is always built)
"""

import os
import platform
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

SHARED = ("cpu", "step", "executor", "storage", "dlpack", "results", "streams", "bindings", "request", "compiled")
X86_LEVELS = {
    "baseline": [],
    "avx2": ["-march=haswell"],
    "avx512": ["-march=skylake-avx512", "-mprefer-vector-width=512"],
}
# Families that only move elements: wider registers than the level below has gain them nothing.
MOVING = ("copy", "gather", "places", "resize", "topk")
STAGE = Path("build", "stage", "ovlite", "kernels")

debug = os.environ.get("OVLITE_DEBUG") == "1"
sanitize = os.environ.get("OVLITE_SANITIZE") == "1"

directives = {
    "language_level": 3,
    "boundscheck": debug or sanitize,
    "wraparound": False,
    "initializedcheck": debug or sanitize,
    "cdivision": True,
    "freethreading_compatible": True,
    "auto_pickle": False,
    "binding": False,
}
compile_args = ["-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wno-unused-function"]
link_args = []
macros = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
if debug or sanitize:
    compile_args += ["-O1", "-g", "-UNDEBUG", "-fno-omit-frame-pointer"]
else:
    # The headers of kernels hold the loops that count, and ask for -O3 themselves.
    compile_args += ["-g0", "-DNDEBUG", "-fno-asynchronous-unwind-tables", "-ffunction-sections"]
    link_args += ["-Wl,-s", "-Wl,--gc-sections", "-Wl,-z,noseparate-code"]
if sanitize:
    compile_args += ["-fsanitize=address,undefined"]
    link_args += ["-fsanitize=address,undefined"]


def levels() -> dict[str, list[str]]:
    """The levels to build, with the compiler flags of each."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return {"baseline": []}
    wanted = os.environ.get("OVLITE_LEVELS")
    if not wanted:
        return X86_LEVELS
    names = {"baseline", *wanted.split(",")}
    if unknown := names - X86_LEVELS.keys():
        raise SystemExit(f"OVLITE_LEVELS: no level {sorted(unknown)}; there are {list(X86_LEVELS)}")
    return {name: flags for name, flags in X86_LEVELS.items() if name in names}


def stage(source: Path, folder: Path) -> Path:
    """Copies `source` into `folder` unless the copy is the same already; returns the copy's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    copy = folder / source.name
    content = source.read_bytes()
    if not copy.exists() or copy.read_bytes() != content:
        copy.write_bytes(content)
    return copy


def optimization(flag: str) -> list[str]:
    """The optimization flag of a release build; other builds have one already."""
    return [] if debug or sanitize else [flag]


def extension(name: str, source: Path, flags: list[str]) -> Extension:
    return Extension(
        f"ovlite.kernels.{name}",
        [str(source)],
        include_dirs=["kernels", numpy.get_include()],
        depends=[str(header) for header in Path("kernels").glob("*.h")],
        define_macros=macros,
        extra_compile_args=compile_args + flags,
        extra_link_args=link_args,
    )


def extensions() -> list[Extension]:
    sources = Path("kernels")
    stage(sources / "__init__.py", STAGE)
    for declarations in sources.glob("*.pxd"):
        stage(declarations, STAGE)
    found = [
        extension("_cyutility", STAGE / "_cyutility.c", optimization("-Os")),
        *(extension(name, stage(sources / f"{name}.pyx", STAGE), optimization("-O3")) for name in SHARED),
    ]
    families = [path for path in sorted(sources.glob("*.pyx")) if path.stem not in SHARED]
    for level, flags in levels().items():
        for declarations in sources.glob("*.pxd"):
            if declarations.stem not in SHARED:
                stage(declarations, STAGE / level)
        found += [
            extension(f"{level}.{path.stem}", stage(path, STAGE / level), flags + optimization("-Os"))
            for path in families
            if level != "avx512" or path.stem not in MOVING
        ]
        (sources / level).mkdir(exist_ok=True)
    return found


setup(
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    packages=[
        "ovlite",
        *(
            f"ovlite.{path.parent.relative_to('ovlite').as_posix().replace('/', '.')}"
            for path in sorted(Path("ovlite").glob("*/**/__init__.py"))
            if not path.parent.is_symlink()
        ),
        "ovlite.kernels",
    ],
    package_dir={"ovlite": "ovlite", "ovlite.kernels": "kernels"},
    package_data={"ovlite": ["py.typed", "*.pyi"], "ovlite.kernels": ["*.pyi"]},
    exclude_package_data={"": ["*.c", "*.h", "*.pyx", "*.pxd"]},
    include_package_data=False,
    ext_modules=cythonize(
        extensions(),
        include_path=[str(STAGE.parent.parent)],
        compiler_directives=directives,
        shared_utility_qualified_name="ovlite.kernels._cyutility",
        nthreads=os.cpu_count() or 1,
    ),
)

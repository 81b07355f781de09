"""Builds ovlite's extension modules.

The build follows the folders. Modules in kernels/runtime are compiled once. Those in kernels/families are kernel
families, compiled once for each instruction-set level of kernels/levels.py, from copies staged under build/, as
`ovlite.kernels.families.<level>.<family>`; `ovlite.kernels` picks one level at import. C headers that only one
module includes lie beside it, the others in kernels/include.

Switches, read from the environment:

    OVLITE_DEBUG=1        bounds checks, C asserts, -O1 -g
    OVLITE_SANITIZE=1     the same, with AddressSanitizer and UndefinedBehaviorSanitizer
    OVLITE_SANITIZE=thread  the same, with ThreadSanitizer
    OVLITE_COVERAGE=1     Cython's line tracing, for coverage.py: slow, and blind to what runs without the GIL
    OVLITE_LEVELS=a,b     only these levels (baseline is always built)
"""

import os
import platform
import re
import runpy
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

KERNELS = Path("kernels")
STAGE = Path("build", "stage", "ovlite", "kernels")
LEVELS = runpy.run_path(str(KERNELS / "levels.py"))["LEVELS"]

debug = os.environ.get("OVLITE_DEBUG") == "1"
sanitize = {"1": "address,undefined", "thread": "thread"}.get(os.environ.get("OVLITE_SANITIZE", ""), "")
checked = debug or bool(sanitize)
coverage = os.environ.get("OVLITE_COVERAGE") == "1"

directives = {
    "language_level": 3,
    "boundscheck": checked,
    "wraparound": False,
    "initializedcheck": checked,
    "cdivision": True,
    "linetrace": coverage,
    "auto_pickle": False,
    "binding": False,
}
# Of the runtime, block alone goes through many elements itself: others call the families, or memcpy(). What is for
# plans and for functions on arrays is small rather than fast.
RUNTIME = {"block": "-O3", **dict.fromkeys(("call", "cpu", "dlpack", "images", "strides"), "-Os")}
compile_args = ["-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-Wno-unused-function"]
link_args = []
macros = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")]
if coverage:
    macros += [("CYTHON_TRACE", "1")]
if checked:
    # Lines are all that a sanitizer tells; more takes a third of the time of such a build.
    compile_args += ["-O1", "-g1" if sanitize else "-g", "-UNDEBUG", "-fno-omit-frame-pointer"]
else:
    # The headers of kernels hold the loops that count, and ask for -O3 themselves.
    # Without -fno-plt, each function of the interpreter has a stub in each module.
    compile_args += ["-g0", "-DNDEBUG", "-fno-asynchronous-unwind-tables", "-ffunction-sections", "-fno-plt"]
    link_args += ["-Wl,-s", "-Wl,--gc-sections", "-Wl,-z,noseparate-code"]
    link_args += ["-Wl,-z,relro", "-Wl,-z,now", "-Wl,--build-id=none"]
if sanitize:
    compile_args += [f"-fsanitize={sanitize}"]
    link_args += [f"-fsanitize={sanitize}"]


def levels():
    """The rows of the table of levels to build."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return LEVELS[:1]
    wanted = os.environ.get("OVLITE_LEVELS")
    if not wanted:
        return LEVELS
    names = {LEVELS[0].name, *wanted.split(",")}
    if unknown := names - {level.name for level in LEVELS}:
        raise SystemExit(f"OVLITE_LEVELS: no level {sorted(unknown)}; there are {[level.name for level in LEVELS]}")
    return [level for level in LEVELS if level.name in names]


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
    return [] if checked else [flag]


def extension(folder: str, source: Path, flags: list[str]) -> Extension:
    """The module of a source staged for the package ovlite.kernels.<folder>."""
    return Extension(
        ".".join(filter(None, ("ovlite.kernels", folder, source.stem))),
        [str(source)],
        include_dirs=[*(str(KERNELS / name) for name in ("include", "runtime", "families")), numpy.get_include()],
        depends=[str(header) for header in KERNELS.glob("*/*.h")],
        # Constructors of steps are called once a plan: their calls of methods need no fast way of their own.
        define_macros=macros + [("CYTHON_UNPACK_METHODS", "0")] * ("-Os" in flags),
        extra_compile_args=compile_args + flags,
        extra_link_args=link_args,
    )


def staged(sources: Path, folder: Path, skips=frozenset()) -> list[Path]:
    """Copies the Cython sources of a folder, and returns the copies of modules that are not to be skipped."""
    for declarations in sources.glob("*.pxd"):
        stage(declarations, folder)
    return [stage(path, folder) for path in sorted(sources.glob("*.pyx")) if path.stem not in skips]


def extensions() -> list[Extension]:
    stage(KERNELS / "__init__.py", STAGE)
    found = [extension("", STAGE / "_cyutility.c", optimization("-Os"))]
    found += [
        extension("runtime", source, optimization(RUNTIME.get(source.stem, "-O2")))
        for source in staged(KERNELS / "runtime", STAGE / "runtime")
    ]
    stage(KERNELS / "families" / "__init__.py", STAGE / "families")
    for level in levels():
        sources = staged(KERNELS / "families", STAGE / "families" / level.name, level.skips)
        flags = [*level.flags, *optimization("-Os")]
        found += [extension(f"families.{level.name}", source, flags) for source in sources]
        (KERNELS / "families" / level.name).mkdir(exist_ok=True)
    return found


def description() -> str:
    """README.md as package indexes show it: without pictures of the repository, and links into it as plain text."""
    text = Path("README.md").read_text(encoding="utf-8")
    text = re.sub(r"!\[[^]]*\]\((?!https?:)[^)]*\)\n+", "", text)
    return re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", text)


setup(
    long_description=description(),
    long_description_content_type="text/markdown",
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    packages=[
        "ovlite",
        *(
            f"ovlite.{path.parent.relative_to('ovlite').as_posix().replace('/', '.')}"
            for path in sorted(Path("ovlite").glob("*/**/__init__.py"))
            if not path.parent.is_symlink()
        ),
        "ovlite.kernels",
        "ovlite.kernels.runtime",
        "ovlite.kernels.families",
    ],
    package_dir={"ovlite": "ovlite", "ovlite.kernels": "kernels"},
    package_data={"": ["*.pyi"], "ovlite": ["py.typed"]},
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

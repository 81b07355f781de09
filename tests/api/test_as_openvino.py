"""ovlite in the place of openvino. Each check is a process of its own, since a process can be turned over once."""

import importlib.util
import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
import openvino as ov
import openvino.opset13 as ops

x = ops.parameter([2], np.float32, name="x")
compiled = ov.compile_model(ov.Model([ops.result(ops.add(x, np.ones(2, np.float32)), name="y")], [x]), "CPU")
print(compiled([np.array([1, 2], np.float32)])["y"].tolist(), *__import__("sys").argv[1:])
"""


def python(*arguments, cwd=None):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=50, cwd=cwd)


def output_of(code):
    done = python("-c", "import ovlite.as_openvino, ovlite\n" + code)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_classes_are_those_of_ovlite():
    code = (
        "import openvino as ov\n"
        "print(ov.Core is ovlite.Core, ov.Type.f32 is ovlite.Type.f32, ov.__name__, ovlite.__name__)"
    )
    assert output_of(code) == ["True", "True", "openvino", "ovlite"]


@pytest.mark.parametrize(
    "name",
    [*(f"opset{number}" for number in range(1, 17)), "op", "properties", "properties.hint", "properties.streams"]
    + ["preprocess", "helpers", "exceptions", "passes", "utils", "utils.types", "utils.data_helpers"]
    + ["utils.decorators"],
)
def test_a_submodule_is_that_of_ovlite(name, all_submodules):
    assert name in all_submodules


@pytest.fixture(scope="module")
def all_submodules():
    """Names of the submodules of openvino and of openvino.runtime that are ovlite's own."""
    return output_of(
        "import importlib, pkgutil\n"
        "for found in pkgutil.walk_packages(ovlite.__path__, 'ovlite.'):\n"
        "    name = found.name.removeprefix('ovlite.')\n"
        "    if name.split('.')[0] not in 'op properties preprocess helpers exceptions passes utils'.split()"
        " and not name.startswith('opset'): continue\n"
        "    own = importlib.import_module(found.name)\n"
        "    spec = own.__spec__\n"
        "    places = [importlib.import_module(f'{root}.{name}') for root in ('openvino', 'openvino.runtime')]\n"
        "    if all(place is own for place in places) and own.__spec__ is spec: print(name)\n"
    )


def test_forms_of_import():
    code = (
        "import openvino.properties.hint as hint, openvino.runtime as rt, openvino.runtime.opset8\n"
        "from openvino.runtime import Core\nfrom openvino import opset13, Tensor\n"
        "from openvino.utils.types import get_dtype\nimport openvino\n"
        "print(rt.Core is Core is ovlite.Core, openvino.runtime.opset8 is ovlite.opset8)\n"
        "print(openvino.properties.hint is hint)"
    )
    assert output_of(code) == ["True", "True", "True"]


def test_the_module_of_the_bindings():
    code = (
        "from openvino._pyopenvino import DescriptorTensor, Core\n"
        "from openvino._pyopenvino.op import Parameter\n"
        "from openvino._pyopenvino.properties.hint import inference_precision\n"
        "print(Core is ovlite.Core, Parameter is ovlite.op.Parameter, inference_precision())\n"
        "print(isinstance(Parameter(ovlite.Type.f32, ovlite.PartialShape([1])).output(0).tensor, DescriptorTensor))"
    )
    assert output_of(code) == ["True", "True", "INFERENCE_PRECISION_HINT", "True"]


def test_versions():
    code = (
        "import importlib.metadata as md, importlib.util as iu, openvino as ov\n"
        "print(ov.get_version(), ov.__version__ == ov.get_version(), md.version('openvino'), md.version('OpenVINO'))\n"
        "print(md.metadata('openvino')['Name'], iu.find_spec('openvino').name, ovlite.get_version())"
    )
    version, same, *rest, own = output_of(code)
    assert rest == ["2026.4.1", "2026.4.1", "openvino", "openvino"]
    assert (version, same) == (f"2026.4.1-0-ovlite-{own}", "True")


def test_other_distributions_are_untouched():
    code = "import importlib.metadata as md, numpy\nprint(md.version('numpy') == numpy.__version__)"
    assert output_of(code) == ["True"]


def test_what_ovlite_lacks_is_not_taken_from_elsewhere():
    code = (
        "import importlib, importlib.util\nprint(importlib.util.find_spec('openvino.no_such'))\n"
        "for name in ('openvino.no_such', 'openvino.op.no_such', 'openvino.frontend.pytorch'):\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error: print(error.name)\n"
        "import openvino\n"
        "try: openvino.NoSuch\n"
        "except AttributeError as error: print('openvino' in str(error) and 'ovlite' in str(error))"
    )
    assert output_of(code) == ["None", "openvino.no_such", "openvino.op.no_such", "openvino.frontend.pytorch", "True"]


@pytest.mark.parametrize(
    ("name", "advice"),
    [("frontend.pytorch.ts_decoder", "export the model to ONNX"), ("runtime.torch", "export the model to ONNX")]
    + [("inference_engine", "use openvino.Core"), ("tools.mo", "convert_model")]
    + [("tools.benchmark.main", "python -m ovlite")],
)
def test_a_part_that_ovlite_has_not_says_what_to_do(name, advice):
    done = python("-c", f"import ovlite.as_openvino, openvino.{name}")
    assert done.returncode == 1 and "ModuleNotFoundError: openvino." in done.stderr and advice in done.stderr


def test_a_tool_runs_as_a_module(tmp_path):
    done = python("-m", "ovlite.as_openvino", "-m", "openvino.tools.ovc", "--help")
    assert done.returncode == 0 and "--output_model" in done.stdout
    done = python("-m", "ovlite.as_openvino", "-m", "openvino.tools.benchmark", "-m", "model.xml")
    assert done.returncode == 1 and "python -m ovlite model.xml" in done.stderr


def test_refuses_after_the_real_one():
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("openvino is not installed")
    done = python("-c", "import openvino\nimport ovlite.as_openvino")
    assert done.returncode == 1
    assert "ImportError: openvino itself is imported already" in done.stderr


def test_a_script_runs_with_its_arguments(tmp_path):
    (tmp_path / "neighbour.py").write_text("word = 'near'")
    more = "import neighbour, ovlite.as_openvino\nprint(neighbour.word, __name__)"
    (tmp_path / "script.py").write_text(PROGRAM + more)
    done = python("-m", "ovlite.as_openvino", str(tmp_path / "script.py"), "-x", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == ["[2.0, 3.0] -x 3", "near __main__", ""]


def test_a_module_runs(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = python("-m", "ovlite.as_openvino", "-m", "program", "a", cwd=tmp_path)
    assert done.stdout == "[2.0, 3.0] a\n", done.stderr


def test_an_exit_status_is_passed_on(tmp_path):
    (tmp_path / "script.py").write_text("raise SystemExit(3)")
    assert python("-m", "ovlite.as_openvino", str(tmp_path / "script.py")).returncode == 3


def test_code_runs():
    done = python("-m", "ovlite.as_openvino", "-c", PROGRAM + "print(__name__)", "a", "-b")
    assert done.stdout == "[2.0, 3.0] a -b\n__main__\n", done.stderr


WORKER = """
import multiprocessing, sys
import openvino as ov

def work(queue):
    queue.put((ov.get_version(), "ovlite" in sys.modules, type(ov.Core()).__module__))

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue()
    worker = context.Process(target=work, args=(queue,))
    worker.start()
    print(queue.get(timeout=30), ov.get_version())
    worker.join()
"""


@pytest.mark.parametrize("how", ["spawn", "forkserver"])
@pytest.mark.parametrize("as_module", [False, True])
def test_workers_are_turned_over(tmp_path, how, as_module):
    (tmp_path / "program.py").write_text(WORKER)
    done = python("-m", "ovlite.as_openvino", *(["-m", "program"] if as_module else ["program.py"]), how, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("-ovlite-") == 2 and "True, 'ovlite.runtime.core'" in done.stdout


def test_versions_that_programs_parse():
    code = (
        "import importlib.metadata as md, openvino as ov\n"
        "from packaging.version import Version\n"
        "print(Version(md.version('openvino')) >= Version('2024.0'))\n"
        "print(Version(ov.__version__.split('-')[0]) >= Version('2024.0'))\n"
        "print(Version('-'.join(ov.get_version().split('-')[:2])) >= Version('2024.0'))\n"
        "print(ov.get_version() >= '2024', md.distribution('openvino').metadata['Version'] == md.version('openvino'))\n"
        "print(md.requires('openvino'))\n"
    )
    pytest.importorskip("packaging")
    assert output_of(code) == ["True"] * 5 + ["None"]


def test_pickles_and_instances_under_either_name():
    code = (
        "import pickle, numpy as np, openvino as ov\n"
        "tensor = pickle.loads(pickle.dumps(ov.Tensor(np.ones(2, np.float32))))\n"
        "print(isinstance(tensor, ovlite.Tensor), isinstance(ovlite.Core(), ov.Core))\n"
        "print(pickle.loads(pickle.dumps(ov.Core)) is ovlite.Core)\n"
        "print(pickle.loads(b'copenvino\\nTensor\\n.') is ov.Tensor)\n"
    )
    assert output_of(code) == ["True"] * 4


def test_all_names_at_once():
    assert output_of("from openvino import *\nprint(Core is ovlite.Core, Model is ovlite.Model)") == ["True", "True"]


@pytest.mark.parametrize("arguments", [(), ("-m",), ("-c",), ("-q",)])
def test_wrong_use_says_how(arguments):
    done = python("-m", "ovlite.as_openvino", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("usage: python -m ovlite.as_openvino")

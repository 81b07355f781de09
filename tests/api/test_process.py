"""What ovlite does to a process: import, threads, fork, exit."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

SETUP = """
import faulthandler, sys, os, signal, threading, time
import numpy as np
import ovlite as ov, ovlite.opset13 as ops

def model(size=4, steps=1):
    x = ops.parameter([size, size], np.float32, name="x")
    node = x
    weights = np.full((size, size), 1e-3, np.float32)
    for _ in range(steps):
        node = ops.matmul(node, weights, False, False)
    return ov.Model([ops.result(node, name="y")], [x], "m")

def native_threads():
    return len(os.listdir("/proc/self/task"))

X = np.ones((4, 4), np.float32)
"""


def run(code, timeout=60):
    """Runs a program in a process of its own; what it prints."""
    program = SETUP + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout.split()


def test_exit_after_streams_of_many_kinds():
    code = """
    for pinned in (False, True):
        for streams, threads in ((1, 1), (1, 2), (2, 2)):
            config = {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": pinned}
            queue = ov.AsyncInferQueue(ov.compile_model(model(), "CPU", config), 4)
            for _ in range(8):
                queue.start_async([X])
            queue.wait_all()
    print(queue[0].get_output_tensor().data[0, 0])
    """
    (value,) = run(code)
    assert float(value) == pytest.approx(4e-3)


def test_import_starts_nothing_and_loads_little():
    code = """
    import sys, os, numpy
    threads = len(os.listdir("/proc/self/task"))
    before = set(sys.modules)
    import ovlite
    loaded = [name for name in set(sys.modules) - before if name.startswith("ovlite")]
    assert len(os.listdir("/proc/self/task")) == threads
    assert sorted(loaded) == ["ovlite", "ovlite._lazy", "ovlite.imports"], loaded
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_compiling_starts_no_thread():
    assert run("""
    before = native_threads()
    compiled = ov.Core().compile_model(model(), "CPU")
    compiled(X)
    print(native_threads() - before)
    """) == ["0"]  # fmt: skip


def test_exit_with_work_in_flight():
    assert run("""
    compiled = ov.Core().compile_model(model(500, 8), "CPU")
    request = compiled.create_infer_request()
    request.set_callback(lambda userdata: print(userdata), "called")
    request.start_async(np.zeros((500, 500), np.float32))
    """) == ["called"]  # fmt: skip


def test_exit_with_a_queue_in_flight():
    assert run("""
    queue = ov.AsyncInferQueue(ov.Core().compile_model(model(300, 4), "CPU"), 3)
    done = []
    queue.set_callback(lambda request, userdata: done.append(userdata))
    for index in range(6):
        queue.start_async(np.zeros((300, 300), np.float32), index)
    print("end")
    """) == ["end"]  # fmt: skip


def test_exit_with_a_callback_that_goes_on_for_ever():
    assert run("""
    request = ov.Core().compile_model(model(), "CPU").create_infer_request()
    request.set_callback(lambda userdata: request.start_async(), None)
    request.start_async(X)
    time.sleep(0.05)
    print("end")
    """) == ["end"]  # fmt: skip


@pytest.mark.parametrize("running", [False, True])
def test_fork(running):
    """In the child everything works: calls, asynchronous runs, queues, dropping what the parent made, exit."""
    assert run(f"""
    compiled = ov.Core().compile_model(model(500, 6), "CPU", {{"NUM_STREAMS": 2}})
    zeros = np.zeros((500, 500), np.float32)
    requests = [compiled.create_infer_request() for _ in range(3)]
    queue = ov.AsyncInferQueue(compiled, 2)
    compiled(zeros)
    for request in requests:
        request.start_async(zeros)
    queue.start_async(zeros)
    if not {running}:
        for request in requests:
            request.wait()
        queue.wait_all()
    child = os.fork()
    if child == 0:
        if {running}:
            try:
                requests[-1].wait()
            except RuntimeError as error:
                assert "forked" in str(error), error
        compiled(zeros)
        for request in requests:
            request.infer(zeros)
            request.start_async(zeros)
        for request in requests:
            request.wait()
        for _ in range(4):
            queue.start_async(zeros)
        queue.wait_all()
        del queue, requests, request, compiled
        fresh = ov.Core().compile_model(model(), "CPU")
        fresh(X)
        sys.exit(7)
    _, status = os.waitpid(child, 0)
    for request in requests:
        request.wait()
    queue.wait_all()
    print(os.waitstatus_to_exitcode(status))
    """) == ["7"]  # fmt: skip


PLANS = """
    x = ops.parameter([-1, 64], np.float32, name="x")
    node = x
    for _ in range(200):
        node = ops.tanh(ops.matmul(node, np.eye(64, dtype=np.float32), False, False))
    compiled = ov.Core().compile_model(ov.Model([ops.result(node, name="y")], [x], "m"), "CPU")
    def rows(count):
        return compiled(np.ones((count, 64), np.float32))["y"].shape[0]
    """


def test_fork_while_another_thread_makes_plans():
    assert run(PLANS + """
    goes_on = True
    def make():
        count = 100
        while goes_on:
            count = rows(count) + 1
    thread = threading.Thread(target=make)
    thread.start()
    codes = []
    for count in range(10):
        time.sleep(0.01)
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            request = compiled.create_infer_request()
            request.infer(np.ones((1 + count, 64), np.float32))
            os._exit(0)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    goes_on = False
    thread.join()
    print(set(codes))
    """) == ["{0}"]  # fmt: skip


def onnx_file(folder):
    """The path of model(), written as ONNX."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 4]) for name in "xy")
    weights = numpy_helper.from_array(np.full((4, 4), 1e-3, np.float32), "w")
    graph = helper.make_graph([node], "g", [x], [y], [weights])
    path = folder / "model.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    return os.fspath(path)


@pytest.mark.parametrize("form", ["ONNX", "IR"])
def test_fork_while_another_thread_reads_and_compiles_its_first_model(tmp_path, form):
    """The child does the same, with the modules that the thread was importing."""
    if form == "IR":
        path = os.fspath(tmp_path / "model.xml")
        run(f"ov.save_model(model(), {path!r})")
    else:
        path = onnx_file(tmp_path)
    program = f"""
    import faulthandler, os, sys, threading, time
    def work():
        import ovlite as ov
        import numpy as np
        return ov.Core().compile_model({path!r}, "CPU")(np.ones((4, 4), np.float32))[0][0, 0]
    import numpy, ovlite
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(float(sys.argv[1]))
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(30, exit=True)
        os._exit(0 if abs(work() - 0.004) < 1e-5 else 3)
    thread.join()
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    for delay in np.linspace(0.002, 0.2, 5):
        command = [sys.executable, "-c", textwrap.dedent(program), str(delay)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


def test_all_that_is_imported_late_is_imported_while_forks_wait(tmp_path):
    names = f"folder, onnx = {os.fspath(tmp_path)!r}, {onnx_file(tmp_path)!r}\n"
    assert run(names + textwrap.dedent("""
    import asyncio, copy, pickle
    from ovlite import imports
    outside = []
    class Watch:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name.startswith("ovlite.") and threading.get_ident() not in imports._importers.threads:
                outside.append(name)
    sys.meta_path.insert(0, Watch)

    core = ov.Core()
    ov.save_model(model(), folder + "/model.xml")
    read = core.read_model(folder + "/model.xml")
    read._repr_html_()
    pickle.loads(pickle.dumps(read))
    cached = core.compile_model(folder + "/model.xml", "CPU", {"CACHE_DIR": folder + "/cache"})
    cached = core.compile_model(folder + "/model.xml", "CPU", {"CACHE_DIR": folder + "/cache"})
    compiled = core.compile_model(read, "CPU", {"PERF_COUNT": True})
    compiled(X)
    compiled.sharing(X)
    compiled.get_runtime_model()
    compiled._repr_html_()
    core.import_model(compiled.export_model(), "CPU")(X)
    pickle.loads(pickle.dumps(compiled))(X)
    request = compiled.create_infer_request()
    request.infer(X)
    request.get_profiling_info()
    asyncio.run(request.infer_async(X))
    queue = ov.AsyncInferQueue(compiled, 2)
    queue.start_async(X)
    queue.wait_all()
    try:
        core.get_property("CPU", "NUM_STREAM")
    except RuntimeError:
        pass
    ov.convert_model(onnx)
    build = ov.preprocess.PrePostProcessor(read)
    build.input().preprocess().mean(1.0)
    build.build()
    ov.opset13.einsum([ops.parameter([2, 2], np.float32), ops.parameter([2, 2], np.float32)], "ij,jk->ik")
    ov.properties.hint.PerformanceMode.LATENCY
    ov.jit(lambda x: np.tanh(x) @ x)(X)
    print(*outside)
    """)) == []  # fmt: skip


def test_a_handler_asks_for_a_plan_while_one_is_made():
    assert run(PLANS + """
    faulthandler.dump_traceback_later(40, exit=True)
    seen = []
    signal.signal(signal.SIGALRM, lambda *_: seen.append(rows(1000 + len(seen))))
    for count in range(1, 12):
        signal.setitimer(signal.ITIMER_REAL, 0.003)
        assert rows(count) == count
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(len(seen) > 3, seen == list(range(1000, 1000 + len(seen))))
    """) == ["True", "True"]  # fmt: skip


HANDLERS_IN_IMPORTS = PLANS + """
    faulthandler.dump_traceback_later(40, exit=True)
    seen, children = [], []
    def handler(*_):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)  # what this one imports
        if forks:
            children.append(os.fork())
        seen.append(rows(1000 + len(seen)))
        if children and not children[-1]:
            os._exit(7)
        signal.signal(signal.SIGALRM, handler)
    signal.signal(signal.SIGALRM, handler)
    from importlib import machinery
    Loader = getattr(machinery, loader)
    execute = Loader.exec_module
    def interrupted(self, module):  # when the module is known, and empty
        if module.__name__.endswith(".matmul"):
            signal.raise_signal(signal.SIGALRM)
        execute(self, module)
    Loader.exec_module = interrupted
    print(rows(7), *seen)
    for child in children:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """  # fmt: skip


def run_in_imports(loader, forks):
    return run(f"loader, forks = {loader!r}, {forks}\n" + textwrap.dedent(HANDLERS_IN_IMPORTS))


@pytest.mark.parametrize("loader", ["ExtensionFileLoader", "SourceFileLoader"])
def test_a_handler_infers_while_kernels_and_their_lowerings_are_imported(loader):
    """Python has no whole module to give within the import of it on the same thread."""
    assert run_in_imports(loader, forks=False) == ["7", "1000"]


@pytest.mark.parametrize("loader", ["ExtensionFileLoader", "SourceFileLoader"])
def test_a_handler_forks_while_kernels_and_their_lowerings_are_imported(loader):
    assert run_in_imports(loader, forks=True) == ["7", "1000", "7"]


def test_fork_in_a_callback():
    """The child is in no callback: it goes on there, or ends when the callback does."""
    assert run("""
    compiled = ov.Core().compile_model(model(), "CPU")
    queue = ov.AsyncInferQueue(compiled, 2)
    def callback(request, stays):
        child = os.fork()
        if child:
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        elif stays:
            queue.set_callback(lambda request, userdata: None)
            for _ in range(5):
                queue.start_async(X)
            queue.wait_all()
            os._exit(7)
    queue.set_callback(callback)
    for stays in (True, False):
        queue.start_async(X, stays)
        queue.wait_all()
    """) == ["7", "0"]  # fmt: skip


def test_fork_in_a_coroutine_that_has_a_request():
    assert run("""
    import asyncio
    queue = ov.AsyncInferQueue(ov.Core().compile_model(model(), "CPU"), 2)
    async def main():
        task = asyncio.create_task(queue.infer_async(X))
        await asyncio.sleep(0)
        child = os.fork()
        if child == 0:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for _ in range(5):
                queue.start_async(X)
            queue.wait_all()
            os._exit(7)
        await task
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    asyncio.run(main())
    """) == ["7"]  # fmt: skip


def test_exit_while_a_callback_waits_for_what_the_main_thread_has():
    assert run("""
    import asyncio, logging
    logging.disable()
    compiled = ov.Core().compile_model(model(), "CPU", {"NUM_STREAMS": 2})
    queue, request = ov.AsyncInferQueue(compiled, 1), compiled.create_infer_request()
    loop = asyncio.new_event_loop()
    task = loop.create_task(queue.infer_async(X))
    loop.run_until_complete(asyncio.sleep(0))
    def callback(_):
        try:
            queue.start_async(X)
        except RuntimeError:
            os.write(1, b"told")
    request.set_callback(callback, None)
    request.start_async(X)
    """) == ["told"]  # fmt: skip


def test_multiprocessing():
    assert run("""
    import multiprocessing
    compiled = ov.Core().compile_model(model(), "CPU")
    compiled(X)
    def work(scale):
        return float(compiled(scale * X)["y"][0, 0])
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(["%.3f" % value for value in pool.map(work, range(3))])
    """) == ["['0.000',", "'0.004',", "'0.008']"]  # fmt: skip


def test_nothing_spins_while_idle():
    assert run("""
    compiled = ov.Core().compile_model(model(500, 4), "CPU")
    request = compiled.create_infer_request()
    request.start_async(np.zeros((500, 500), np.float32))
    request.wait()
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.3)
    print(time.process_time() - before < 0.05)
    """) == ["True"]  # fmt: skip


def test_every_name_is_there():
    import ovlite

    for name in ovlite.__all__:
        assert getattr(ovlite, name) is not None
        assert name in dir(ovlite)
    with pytest.raises(AttributeError):
        ovlite.nothing_of_the_kind  # noqa: B018

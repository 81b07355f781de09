"""What a compiled model tells of its execution."""

import numpy as np

KEYS = {
    "execOrder", "execTimeMcs", "layerType", "originalLayersNames", "outputLayouts", "outputPrecisions",
    "primitiveType", "runtimePrecision",
}  # fmt: skip


def test_nodes_and_what_they_tell(lab, A):
    for config in ({}, {"PERF_COUNT": True}):
        compiled = lab.compile(lab.two_outputs(), **config)
        for _ in range(2):
            model = compiled.get_runtime_model()
            assert isinstance(model, lab.ov.Model)
            nodes = model.get_ordered_ops()
            kinds = [node.get_type_name() for node in nodes]
            assert kinds.count("Parameter") == kinds.count("Result") == 2
            assert set(kinds) == {"Parameter", "Result", "ExecutionNode"}
            for node in nodes:
                notes = node.get_rt_info()
                assert set(dict(notes)) >= KEYS
                assert all(isinstance(notes[key].value, str) for key in KEYS)
            assert sorted(int(node.get_rt_info()["execOrder"].value) for node in nodes) == list(range(len(nodes)))
            compiled([A, A])


def test_times_are_told_when_they_are_taken(mine, A):
    compiled = mine.compile(mine.plus_one(), PERF_COUNT=True)
    compiled(A)
    (step,) = [node for node in compiled.get_runtime_model().get_ops() if node.get_type_name() == "ExecutionNode"]
    assert int(step.get_rt_info()["execTimeMcs"].value) >= 0


def test_dynamic_shapes(lab):
    compiled = lab.compile(lab.plus_one((-1, 3)))
    for _ in range(2):
        kinds = [node.get_type_name() for node in compiled.get_runtime_model().get_ops()]
        assert "ExecutionNode" in kinds
        compiled(np.ones((2, 3), np.float32))

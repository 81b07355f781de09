"""Latency of whole models: pytest bench/test_models.py --benchmark-group-by=group."""

from __future__ import annotations

from typing import Any

import pytest

from . import models
from .libraries import MODES, load
from .suites import Workload, model_workloads

WORKLOADS = {workload[0]: workload for workload in model_workloads()}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", WORKLOADS)
def test_inference(benchmark: Any, name: str, threads: int, mode: str, library: str) -> None:
    workload: Workload = WORKLOADS[name]
    inputs = workload[2]()
    run = load(library, workload[1](), threads, mode)
    benchmark.group = f"{name}, {threads} threads, {mode}"
    benchmark(run, inputs)


@pytest.mark.parametrize("name", ["squeezenet", "resnet50"])
def test_load_and_first_inference(benchmark: Any, name: str, library: str) -> None:
    content, inputs = models.load(name), models.inputs_for(name)
    benchmark.group = f"{name}, load and first inference"
    benchmark.pedantic(lambda: load(library, content, 2)(inputs), rounds=3)

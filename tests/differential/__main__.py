"""Runs many cases and reports by operator: python -m tests.differential [--only REGEX] [--seeds FIRST:LAST]."""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from .cases import Case
from .generate import chain, operators, single
from .judge import judge


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--only", default="", help="a pattern of operators, such as '^Reduce'; 'chain' for chains")
    parser.add_argument("--seeds", default="0:20", help="first and last seed; the last is left out")
    parser.add_argument("--show", type=int, default=1, help="failures that are told of each operator and kind")
    parser.add_argument("--text", action="store_true", help="show the model and the inputs of what fails")
    parser.add_argument("--unjudged", action="store_true", help="tell of cases that nobody can judge, too")
    options = parser.parse_args()
    first, last = map(int, options.seeds.split(":"))
    kinds: dict[str, Callable[[int], Case]] = {
        f"{domain}.{name}".strip("."): partial(single, domain, name) for domain, name in operators()
    }
    kinds["chain"] = chain
    total: Counter[str] = Counter()
    for name, make in kinds.items():
        if not re.search(options.only, name):
            continue
        start = time.process_time()
        counts, texts = _run(make, range(first, last), options)
        spent = (time.process_time() - start) * 1e3 / max(1, last - first)
        bad = any(kind in counts for kind in ("different", "refused", "unjudged", "excepted", "broken"))
        print(f"{name:32s} {spent:5.1f} ms  " + "  ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
              if bad else f"{name:32s} {spent:5.1f} ms", flush=True)  # fmt: skip
        for text in texts:
            print(text, flush=True)
        total.update(counts)
    print("total", dict(total))


def _run(make: Callable[[int], Case], seeds: range, options: argparse.Namespace) -> tuple[Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    texts = []
    for seed in seeds:
        case = make(seed)
        verdict = judge(case)
        counts[verdict.kind] += 1
        told = verdict.fails or (options.unjudged and verdict.kind == "unjudged")
        if told and counts[verdict.kind] <= options.show:
            texts.append(f" {verdict.kind}: {case.label} opset {dict(case.opsets)} {case.declaration}\n{verdict.text}")
            if options.text:
                texts.append(case.text())
    return counts, texts


if __name__ == "__main__":
    main()

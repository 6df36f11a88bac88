"""How far healthy runs of other seeds end apart: python -m bench.faultbench.spread [--pairs N]

What is printed is what ``verdict.SPREAD`` holds: the 95 % point of the difference of two ends, in
parts of what was gained.
"""

import argparse

import numpy as np

from bench.faultbench.draws import healthy
from bench.faultbench.make import train, waiting
from bench.faultbench.truth import lost, truth_of


def measure(family: str, pairs: int) -> float:
    """Run healthy draws of the dev split again with other rows, order and chance."""
    found: list[float] = []
    for run in waiting("dev").values():
        if run["kind"] != "healthy" or run["family"] != family or len(found) == pairs:
            continue
        draft = healthy("dev", run["seed"])
        draft.seed += 100_000
        found.append(abs(lost(truth_of(draft, train(draft)), run["truth"])))
    return float(np.quantile(found, 0.95))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=24)
    pairs = parser.parse_args().pairs
    for family in ("lm", "embedding"):
        print(family, round(measure(family, pairs), 4))


if __name__ == "__main__":
    main()

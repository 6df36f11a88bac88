"""Gates: criteria a score must meet, from a YAML file.

``gates: [{metric: facts.accuracy, min: 0.8}, {metric: loss.gap, max: 0.2}]``
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from math import isclose, isnan
from pathlib import Path
from typing import Any

from huohou.config import read_yaml
from huohou.errors import ConfigError
from huohou.evaluate.answers.numbers import NAMES as ENGINE
from huohou.evaluate.answers.numbers import OWN
from huohou.evaluate.card import GateResult, Metric
from huohou.evaluate.losses import NAMES
from huohou.evaluate.memory import NAMES as MEMORY
from huohou.evaluate.metrics import load
from huohou.evaluate.metrics.habits import EACH
from huohou.evaluate.retrieval.numbers import NAMES as SEARCHES
from huohou.evaluate.state import STATUS


@dataclass(frozen=True, slots=True)
class Gate:
    """One criterion: the metric's value must be at least min and at most max."""

    metric: str
    min: float | None = None
    max: float | None = None


def read_gates(path: Path) -> tuple[Gate, ...]:
    """The gates of a file. Raises ConfigError with the nearest name for an unknown metric."""
    raw = read_yaml(path)
    listed = raw.get("gates")
    if set(raw) != {"gates"} or not isinstance(listed, list) or not listed:
        raise ConfigError("gates.form", path=path)
    return tuple(_gate(path, number, entry) for number, entry in enumerate(listed, 1))


def check(gates: Iterable[Gate], metrics: Iterable[Metric]) -> tuple[GateResult, ...]:
    """Hold metrics against gates. NaN meets no bound; what was not measured is not judged."""
    values = {metric.name: metric.value for metric in metrics}
    results = []
    for gate in gates:
        value = values.get(gate.metric)
        passed = None if value is None else _holds(gate, value)
        results.append(GateResult(gate.metric, gate.min, gate.max, value, passed))
    return tuple(results)


def _holds(gate: Gate, value: float) -> bool:
    """Bounds belong to what is allowed, also when the value misses one by a rounding error."""
    low = gate.min is None or value >= gate.min or isclose(value, gate.min)
    high = gate.max is None or value <= gate.max or isclose(value, gate.max)
    return low and high and not isnan(value)


def _gate(path: Path, number: int, entry: Any) -> Gate:
    if not isinstance(entry, dict) or not {"metric"} < set(entry) <= {"metric", "min", "max"}:
        raise ConfigError("gates.entry", path=path, number=number, entry=entry)
    bounds = {key: entry[key] for key in ("min", "max") if key in entry}
    for key, bound in bounds.items():
        if isinstance(bound, bool) or not isinstance(bound, int | float) or isnan(bound):
            raise ConfigError("gates.bound", path=path, number=number, key=key, value=bound)
    name = str(entry["metric"])
    _known(path, number, name)
    return Gate(name, **{key: float(bound) for key, bound in bounds.items()})


def _known(path: Path, number: int, name: str) -> None:
    """A metric, or a metric and a style, which only the questions know."""
    names = [STATUS, *NAMES, *MEMORY, *SEARCHES, *ENGINE, *(known for known, _ in load())]
    styled = [*OWN, *(known for known, measure in load() if measure.by_style)]
    if (
        name in names
        or name.startswith(EACH)
        or any(name.startswith(f"{known}.") for known in styled)
    ):
        return
    near = get_close_matches(name, names, n=1, cutoff=0)
    raise ConfigError("gates.unknown", path=path, number=number, metric=name, near=near[0])

"""Criteria that a report sets: as gates that ``eval --gate`` takes, and which are met already."""

from collections.abc import Iterable, Mapping
from typing import Any

from huohou.diagnose.case import Case
from huohou.record.record import Statement

# Metrics of `huohou eval` that reports set criteria for; a test holds that eval knows them.
METRICS = (
    "facts.accuracy",
    "facts.invented",
    "loss.train",
    "loss.eval",
    "loss.gap",
    "speed.seconds_per_answer",
)


def criteria(case: Case) -> tuple[dict[str, Any], ...]:
    """The criteria in the order of the report.

    metric, min, max: None where nothing measures it; value, met: where this record tells it;
    by: ``record``, ``eval`` for what `huohou eval` measures, ``hand``.
    """
    stated = [one for one in case.record.statements if one.kind == "criterion"]
    values = _values(case) if stated else {}
    return tuple(_criterion(one, values) for one in stated)


def gates(found: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Those criteria as entries of a gates file, each once."""
    entries: list[dict[str, Any]] = []
    for one in found:
        bounds = {key: one[key] for key in ("min", "max") if one[key] is not None}
        entry = {"metric": one["metric"], **bounds}
        if one["metric"] in METRICS and bounds and entry not in entries:
            entries.append(entry)
    return tuple(entries)


def gates_file(entries: Iterable[Mapping[str, Any]]) -> str:
    """Text of the gates file, YAML.

    >>> print(gates_file([{"metric": "loss.gap", "max": 0.2}]))
    gates:
      - {metric: loss.gap, max: 0.2}
    """
    lines = (", ".join(f"{key}: {_plain(value)}" for key, value in e.items()) for e in entries)
    return "\n".join(["gates:", *(f"  - {{{line}}}" for line in lines)])


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _criterion(one: Statement, values: Mapping[str, float | bool]) -> dict[str, Any]:
    value = values.get(one.metric or "")
    by = "record" if value is not None else "eval" if one.metric in METRICS else "hand"
    bounds = {"metric": one.metric, "min": one.min, "max": one.max}
    told = {"text": one.text, "line": one.line, **bounds, "value": value, "by": by}
    return told | {"met": None if value is None else _met(one, value)}


def _met(one: Statement, value: float | bool) -> bool:
    if one.metric == "status":
        return bool(value)
    return (one.min is None or value >= one.min) and (one.max is None or value <= one.max)


def _values(case: Case) -> dict[str, float | bool]:
    """What the record tells of these metrics, by their names."""
    known: dict[str, float | bool] = {}
    told = [f.value for f in case.record.figures if f.name == "loss"]
    if ends := case.losses or told:
        known["loss.train"] = ends[-1]
    if case.evals:
        known["loss.eval"] = case.evals[-1].value
    if case.losses and case.evals and case.losses[-1]:
        known["loss.gap"] = (case.evals[-1].value - case.losses[-1]) / case.losses[-1]
    for figure in case.record.figures:
        if figure.when != "before":
            name = "facts.accuracy" if figure.name == "accuracy" else figure.name
            known[name.removeprefix("predict_")] = figure.value
    if case.finished is not None:
        known["status"] = case.finished
    return known

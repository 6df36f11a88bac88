"""What a report tells beside its curves, as JSON: for a log that is taken in as a run of ours."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from huohou.record.columns import Point, Series
from huohou.record.events import number_for, plain
from huohou.record.record import Figure, Record, Statement


def as_plain(record: Record) -> dict[str, Any]:
    """Figures, statements and other runs; a key only where there are any."""
    parts = {
        "figures": [asdict(figure) for figure in record.figures],
        "statements": [asdict(statement) for statement in record.statements],
        "others": [_other(other) for other in record.others],
    }
    told: dict[str, Any] = plain({name: rows for name, rows in parts.items() if rows})
    return told


def _other(record: Record) -> dict[str, Any]:
    series = {name: [asdict(p) for p in points] for name, points in record.series.items()}
    return {"source": dict(record.source), "facts": dict(record.facts), "series": series}


def parts(told: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a Record that ``as_plain`` wrote; what is not of that form is left out."""
    return {
        "figures": tuple(Figure(**_numbers(raw)) for raw in _rows(told, "figures", Figure)),
        "statements": tuple(
            Statement(**_numbers(raw)) for raw in _rows(told, "statements", Statement)
        ),
        "others": tuple(_record(raw) for raw in told.get("others", ()) if isinstance(raw, Mapping)),
    }


def _rows(told: Mapping[str, Any], name: str, kind: type) -> list[Mapping[str, Any]]:
    known = set(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    rows = told.get(name)
    return [
        raw
        for raw in (rows if isinstance(rows, list) else [])
        if isinstance(raw, Mapping) and set(raw) == known
    ]


def _record(raw: Mapping[str, Any]) -> Record:
    series = raw.get("series")
    return Record(
        dict(raw.get("source") or {}),
        {
            name: Series.of(Point(**_numbers(p)) for p in _rows({name: points}, name, Point))
            for name, points in (series.items() if isinstance(series, Mapping) else ())
        },
        dict(raw.get("facts") or {}),
    )


_HOLD_NUMBERS = ("value", "min", "max", "epoch", "t")


def _numbers(raw: Mapping[str, Any]) -> dict[str, Any]:
    """NaN and infinities, which JSON has no numbers for, as numbers again."""
    return {
        name: number_for(value) if name in _HOLD_NUMBERS else value for name, value in raw.items()
    }

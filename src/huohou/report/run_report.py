"""The report of a run, or of both stages of a search: what was built, how it went, what it scores,
which questions it now answers, and what the doctor says."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from huohou.diagnose.engine import Diagnosis
from huohou.evaluate.card import Scorecard
from huohou.plan import Plan
from huohou.record.columns import Series
from huohou.record.record import Record
from huohou.report.blocks import Block, Heading, Paragraph, Picture, Points, Table
from huohou.report.chart import Curve, chart
from huohou.report.questions import cases, told
from huohou.report.scores import is_search, scores
from huohou.text import say

PANELS = (
    ("loss", "eval_loss", "ln_n"),
    ("eval_ndcg@10", "eval_mrr@10", "eval_accuracy@1"),
    ("pos_sim", "neg_sim", "spread"),
    ("scale",),
)
ROUNDS = 12  # evaluations in the table that stands for a picture


@dataclass(frozen=True, slots=True)
class Part:
    """One stage: its folder, plan, what was recorded, and what the doctor says of it."""

    folder: Path
    plan: Plan
    record: Record
    diagnosis: Diagnosis


def blocks(parts: Sequence[Part], card: Scorecard | None) -> Iterator[Block]:
    """The whole report. parts: the stages, the first one first; card: of the last one's model."""
    last = parts[-1]
    yield Heading(1, say("report.title", name=last.plan.name, folder=last.folder.name))
    yield from _in_short(parts, card)
    yield Heading(2, say("report.built"))
    for number, part in enumerate(parts, 1):
        yield from _built(part, number, len(parts))
    yield Heading(2, say("report.curves"))
    for number, part in enumerate(parts, 1):
        yield from _curves(part, number, len(parts))
    yield Heading(2, say("report.scores"))
    if card is None:
        yield Paragraph(say("report.no_score", folder=last.folder.name), "warning")
    else:
        yield from scores(card)
        yield from _questions(last.folder, card)
    yield Heading(2, say("report.doctor"))
    for number, part in enumerate(parts, 1):
        yield from _findings(part, number, len(parts))
    if card is not None:
        yield from _how(card)


def _in_short(parts: Sequence[Part], card: Scorecard | None) -> Iterator[Block]:
    """Two or three sentences for who reads no further."""
    for number, part in enumerate(parts, 1):
        verdict = say(f"diagnose.verdict.{part.diagnosis.verdict}")
        codes = ", ".join(f.code for f in part.diagnosis.findings if f.severity != "info")
        stage = _stage(part, number, len(parts))
        said = say("report.verdict", stage=stage, verdict=verdict, codes=codes or "-")
        severity = {"faulty": "error", "watch": "warning"}.get(part.diagnosis.verdict, "")
        yield Paragraph(said, severity)
    if card is not None and is_search(card) and card.words:
        yield Points(card.words[: 1 + len(card.comparisons)])


def _stage(part: Part, number: int, of: int) -> str:
    key = "report.stage" if of > 1 else "report.run"
    return say(key, number=number, name=part.plan.name, recipe=part.plan.recipe)


def _built(part: Part, number: int, of: int) -> Iterator[Block]:
    plan = part.plan
    yield Heading(3, _stage(part, number, of))
    rows = [
        [say("report.built.model"), _last_names(plan.model)],
        [say("report.built.data"), say("report.built.rows", **_rows(plan))],
        [say("report.built.device"), f"{plan.device.value}, {plan.dtype.value}"],
        [say("report.built.updates"), f"{plan.prediction.updates:,}"],
        [say("report.built.prints"), f"{plan.train.fingerprint[:12]}"],
    ]
    given = [f"{k}={s.value}" for k, s in plan.settings.items() if s.source != "default"]
    shown = [one for one in given if not one.startswith(("data.", "model=", "name=", "recipe="))]
    rows.append([say("report.built.given"), ", ".join(shown) or "-"])
    yield Table([say("report.built.what"), say("report.built.value")], rows)
    if plan.recipe == "align":
        yield from _stage_two(part.folder)


def _rows(plan: Plan) -> Mapping[str, str]:
    watched = f"{plan.eval.rows:,}" if plan.eval else "-"
    return {"train": f"{plan.train.rows:,}", "eval": watched}


def _last_names(model: str) -> str:
    """A folder by its last names: no paths of a machine in a report."""
    path = Path(model)
    return "/".join(path.parts[-2:]) if path.is_absolute() else model


def _stage_two(folder: Path) -> Iterator[Block]:
    """What stage 2 was built from and what was decided; nothing for a run that is not over."""
    built, hard = (
        _lines(folder / f"{name}.jsonl") for name in ("constructed_data", "hard_negatives")
    )
    if built is not None and hard is not None:
        yield Paragraph(say("report.hard", count=hard, of=built))
    decided = _document(folder / "release.json")
    if decided is not None and isinstance(decided.get("said"), str):
        yield Paragraph(decided["said"], "" if decided.get("reason") == "better" else "warning")


def _lines(path: Path) -> int | None:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return None


def _document(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _curves(part: Part, number: int, of: int) -> Iterator[Block]:
    yield Heading(3, _stage(part, number, of))
    drawn = False
    series = {name: Series.of(part.record.points(name)) for name in part.record.series}
    longest = max((float(np.nanmax(s.steps)) for s in series.values() if len(s)), default=1.0)
    for i, names in enumerate(PANELS):
        there = [name for name in names if name in series and len(series[name])]
        curves = [_curve(name, series[name]) for name in there]
        svg = chart(curves, (), say("page.step"), (0.0, longest))
        if svg:
            drawn = True
            yield Picture(svg, _instead(series) if i == 0 else None)
    if not drawn:
        yield Paragraph(say("report.no_curves"), "note")


def _curve(name: str, series: Series) -> Curve:
    return Curve(name, series.steps, series.values, series.segs)


def _instead(series: Mapping[str, Series]) -> Table | None:
    """Evaluations as a table, where no picture can stand."""
    names = [n for n in ("eval_loss", "eval_ndcg@10", "eval_mrr@10") if n in series]
    if not names or not len(series[names[0]]):
        return None
    steps = series[names[0]].steps
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(ROUNDS, len(steps))).astype(int))
    rows = []
    for at in chosen.tolist():
        found = [series[name].values for name in names]
        cells = [f"{values[at]:.4g}" if at < len(values) else "-" for values in found]
        rows.append([f"{steps[at]:g}", *cells])
    return Table([say("page.step"), *names], rows)


def _questions(folder: Path, card: Scorecard) -> Iterator[Block]:
    """Fixed, broken, unchanged: over the base, and over stage 1."""
    if not is_search(card):
        return
    yield Heading(2, say("report.cases"))
    both = card.metric("stage2.ndcg@10") is not None
    pairs = [("stage1", "stage2")] if both else []
    pairs = [("base", "stage2" if both else "retrieval"), *pairs]
    for before, after in pairs:
        try:
            found = cases(folder / card.answers, before, after)
        except (OSError, ValueError, KeyError, TypeError):
            yield Paragraph(say("report.no_answers", file=card.answers), "warning")
            return
        if found:
            yield from told(found, before, after)


def _findings(part: Part, number: int, of: int) -> Iterator[Block]:
    yield Heading(3, _stage(part, number, of))
    found = part.diagnosis
    yield Paragraph(say(f"diagnose.means.{found.verdict}"))
    for finding in found.findings:
        severity = say(f"diagnose.severity.{finding.severity}")
        yield Paragraph(f"{severity}: {finding.code}: {finding.title}", finding.severity)
        yield Points([fact.text for fact in finding.evidence])
        yield Paragraph(say("diagnose.why", text=finding.why))
        for advice in finding.advice:
            yield Paragraph(say("diagnose.do", text=advice.text))


def _how(card: Scorecard) -> Iterator[Block]:
    """How it was scored, for who wants the same numbers again."""
    yield Heading(2, say("report.how"))
    yield Table(
        [say("report.built.what"), say("report.built.value")],
        [[name, _said(value)] for name, value in _flat(card.settings)],
    )
    yield Paragraph(say("report.prints", sha=str(card.questions["fingerprint"])[:12]), "note")


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _said(value: Any) -> str:
    told_ = str(value)
    return told_[:12] if len(told_) == 64 and told_.isalnum() else told_  # a fingerprint

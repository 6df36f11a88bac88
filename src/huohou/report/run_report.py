"""The report of a run, or of both stages of a search: first what it came to, without flattery, then
the checklist, what was built, how it went, what it scores, and what the doctor says."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from huohou.evaluate.card import Scorecard
from huohou.record.columns import Series
from huohou.report import checklist, timeline
from huohou.report.blocks import Block, Heading, Paragraph, Picture, Points, Table
from huohou.report.built import built
from huohou.report.chart import Curve, chart
from huohou.report.diagnosis_page import bands
from huohou.report.opening import also, first_line, next_steps
from huohou.report.part import Part
from huohou.report.questions import cases, told
from huohou.report.scores import how, is_search, scores
from huohou.text import say

__all__ = ["Part", "blocks"]

PANELS = (
    ("loss", "eval_loss", "ln_n"),
    ("eval_token_accuracy", "eval_answer_accuracy"),
    ("eval_ndcg@10", "eval_mrr@10", "eval_accuracy@1"),
    ("learning_rate",),
    ("grad_norm",),
    ("pos_sim", "neg_sim", "spread"),
    ("scale",),
)
ROUNDS = 12  # evaluations in the table that stands for a picture


def blocks(parts: Sequence[Part]) -> Iterator[Block]:
    """The whole report. parts: the stages, the first one first; the last one's score counts."""
    last = parts[-1]
    yield Heading(1, say("report.title", name=last.name, folder=last.folder.name))
    yield from _in_short(parts)
    for title, section in (
        ("report.next", lambda part: iter([next_steps(part)])),
        ("report.checklist", checklist.blocks),
    ):
        yield Heading(2, say(title))
        yield from section(last)
    yield from _each(parts, "report.built", built)
    yield from _each(parts, "report.data", _data)
    yield from _each(parts, "report.curves", _curves)
    yield Heading(2, say("report.scores"))
    if last.card is None:
        yield Paragraph(say("report.no_score", folder=last.folder.name), "warning")
    else:
        yield from scores(last.card)
        yield from _questions(last, last.card)
    yield from _each(parts, "report.doctor", _findings)
    yield from _each(parts, "report.timeline", lambda part: timeline.blocks(part.folder))
    if last.card is not None:
        yield from how(last.card)


def _each(
    parts: Sequence[Part], title: str, section: Callable[[Part], Iterator[Block]]
) -> Iterator[Block]:
    """A section with a piece for each stage."""
    yield Heading(2, say(title))
    for number, part in enumerate(parts, 1):
        if len(parts) > 1:
            yield Heading(3, _stage(part, number, len(parts)))
        yield from section(part)


def _in_short(parts: Sequence[Part]) -> Iterator[Block]:
    """A few sentences for who reads no further."""
    last = parts[-1]
    yield first_line(last)
    yield from also(last)
    for number, part in enumerate(parts, 1):
        verdict = say(f"diagnose.verdict.{part.diagnosis.verdict}")
        codes = ", ".join(f.code for f in part.diagnosis.findings if f.severity != "info")
        stage = _stage(part, number, len(parts))
        said = say("report.verdict", stage=stage, verdict=verdict, codes=codes or "-")
        severity = {"faulty": "error", "watch": "warning"}.get(part.diagnosis.verdict, "")
        yield Paragraph(said, severity)
    card = last.card
    if card is not None and is_search(card) and card.words:
        yield Points(card.words[: 1 + len(card.comparisons)])


def _stage(part: Part, number: int, of: int) -> str:
    key = "report.stage" if of > 1 else "report.run"
    return say(key, number=number, name=part.name, recipe=part.recipe)


def _data(part: Part) -> Iterator[Block]:
    """Every check of the rows: what it found, that it found nothing, or what it lacked."""
    rows = []
    for code in part.data_checks:
        finding = next((f for f in part.diagnosis.findings if f.code == code), None)
        if finding is not None:
            rows.append([code, say(f"diagnose.severity.{finding.severity}"), finding.title])
        elif code in part.diagnosis.ran:
            rows.append([code, say("report.data.quiet"), ""])
        else:
            rows.append([code, say("report.data.skipped"), part.needs.get(code, "")])
    if part.plan is not None and all(code in part.diagnosis.ran for code in part.data_checks):
        quiet = [row[0] for row in rows if not row[2]]
        rows = [row for row in rows if row[2]]
        yield Paragraph(
            say("report.data.all", n=len(part.data_checks), quiet=", ".join(quiet) or "-")
        )
    if rows:
        yield Table([say(f"report.data.{name}") for name in ("code", "found", "text")], rows)


def _curves(part: Part) -> Iterator[Block]:
    drawn = False
    series = {name: Series.of(part.record.points(name)) for name in part.record.series}
    longest = max((float(np.nanmax(s.steps)) for s in series.values() if _stepped(s)), default=1.0)
    shaded = tuple(bands(part.record, part.diagnosis.findings))
    for i, names in enumerate(PANELS):
        there = [name for name in names if name in series and _stepped(series[name])]
        curves = [_curve(name, series[name]) for name in there]
        svg = chart(curves, shaded if i == 0 else (), say("page.step"), (0.0, longest))
        if svg:
            drawn = True
            yield Picture(svg, _instead(series) if i == 0 else None)
    if not drawn:
        yield Paragraph(say("report.no_curves"), "note")


def _stepped(series: Series) -> bool:
    return bool(len(series)) and not np.isnan(series.steps).all()


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


def _questions(part: Part, card: Scorecard) -> Iterator[Block]:
    """Fixed, broken, unchanged: over the base, and over stage 1."""
    if not is_search(card):
        return
    yield Heading(2, say("report.cases"))
    both = card.metric("stage2.ndcg@10") is not None
    pairs = [("stage1", "stage2")] if both else []
    pairs = [("base", "stage2" if both else "retrieval"), *pairs]
    for before, after in pairs:
        try:
            found = cases(part.folder / card.answers, before, after)
        except (OSError, ValueError, KeyError, TypeError):
            yield Paragraph(say("report.no_answers", file=card.answers), "warning")
            return
        if found:
            yield from told(found, before, after)


def _findings(part: Part) -> Iterator[Block]:
    found = part.diagnosis
    yield Paragraph(say(f"diagnose.means.{found.verdict}"))
    for finding in found.findings:
        severity = say(f"diagnose.severity.{finding.severity}")
        yield Paragraph(f"{severity}: {finding.code}: {finding.title}", finding.severity)
        yield Points([fact.text for fact in finding.evidence])
        yield Paragraph(say("diagnose.why", text=finding.why))
        for advice in finding.advice:
            yield Paragraph(say("diagnose.do", text=advice.text))
    if found.skipped:
        left = ", ".join(one.code for one in found.skipped)
        yield Paragraph(say("report.unjudged", n=len(found.skipped), codes=left), "note")

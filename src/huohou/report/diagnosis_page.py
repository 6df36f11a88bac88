"""A diagnosis as one page of HTML: the curves, the findings shaded on them, and all that was said.

The page needs nothing else: no script, no network, no font. Every text from a log is escaped.
"""

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from huohou import text
from huohou.diagnose.engine import Diagnosis
from huohou.record.columns import Series
from huohou.record.finding import Finding
from huohou.record.record import Record
from huohou.report.chart import Band, Curve, chart
from huohou.text import percent, say

_OTHERS = 4  # panels of other evaluation measures, at most
_NO_CURVE = ("_runtime", "_per_second", "_compilation_time")
_LIMIT = 3  # findings shaded; more would hide the curves


def page(record: Record, found: Diagnosis) -> str:
    """The whole page. record: what was read; found: what was said of it."""
    title = say("page.title", path=found.source.get("path", ""))
    body = "\n".join(
        [
            *_head(found),
            *_charts(record, found.findings),
            *(line for finding in found.findings for line in _finding(finding)),
            *_table("page.claims", found.claims, ("text", "verdict", "statement", "decides")),
            *_table("page.gates", found.criteria, ("metric", "min", "max", "value", "met", "text")),
            *_extent(found),
        ]
    )
    return (
        f'<!doctype html>\n<html lang="{text.language()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_safe(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _head(found: Diagnosis) -> Iterator[str]:
    word = say(f"diagnose.verdict.{found.verdict}")
    means = say(f"diagnose.means.{found.verdict}")
    yield f'<h1><span class="verdict {found.verdict}">{_safe(word)}</span> {_safe(means)}</h1>'
    source = found.source
    told = say("page.read", path=source.get("path", ""), reader=source.get("reader", ""))
    yield f'<p class="source">{_safe(told)}</p>'
    for finding in found.findings:
        told = f"{finding.code}: {finding.title}"
        yield f'<p class="short {finding.severity}">{_safe(told)}</p>'
    for line in (*found.needs, *source.get("notes", ())):
        yield f'<p class="note">{_safe(line)}</p>'


def _charts(record: Record, findings: Sequence[Finding]) -> Iterator[str]:
    by_step = _has_steps(record)
    x_name = say("page.step") if by_step else say("page.epoch")
    shaded = list(bands(record, findings, by_step))
    panels = [
        [_curve(name, Series.of(record.points(name)), by_step) for name in names]
        for names in _panels(record)
    ]
    reach = _reach([curve for curves in panels for curve in curves])
    for curves in panels:
        if drawn := chart(curves, shaded, x_name, reach):
            yield f"<figure>{drawn}</figure>"


def _reach(curves: Sequence[Curve]) -> tuple[float, float]:
    """The x axis that holds all curves."""
    ends = [float(x) for c in curves if len(c.x) for x in (np.nanmin(c.x), np.nanmax(c.x))]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    return low, high if high > low else low + 1


def _panels(record: Record) -> list[list[str]]:
    """Which series are drawn together: losses, then rate, gradient, other measures."""
    losses = [n for n in record.series if n == "loss" or n.endswith("_loss")]
    others = [
        [n]
        for n in record.series
        if n.startswith("eval_") and n not in losses and not n.endswith(_NO_CURVE)
    ]
    single = [[n] for n in ("learning_rate", "grad_norm") if n in record.series]
    return [sorted(losses, key=lambda n: n != "loss")[:4], *single, *others[:_OTHERS]]


def _curve(name: str, series: Series, by_step: bool) -> Curve:
    x = series.steps if by_step else series.epochs
    counted = np.arange(len(series), dtype=float)
    return Curve(name, np.where(np.isnan(x), counted, x), series.values, series.segs)


def _has_steps(record: Record) -> bool:
    return any(
        len(points) and not math.isnan(Series.of(points).steps[0])
        for points in record.series.values()
    )


def bands(record: Record, findings: Sequence[Finding], by_step: bool = True) -> Iterator[Band]:
    """From the first step a finding names to the last; to the end where it names one only.

    by_step: False for a log that counts epochs alone, which are named then.
    """
    series = [Series.of(points) for points in record.series.values() if len(points)]
    places = [one.steps if by_step else one.epochs for one in series]
    end = max((float(np.nanmax(p)) for p in places if not np.isnan(p).all()), default=0.0)
    named = [(finding, _named(finding, by_step)) for finding in findings]
    for finding, at in [one for one in named if one[1]][:_LIMIT]:
        last = max(at) if len(at) > 1 else end
        yield Band(min(at), last, finding.severity, finding.code, finding.title)


def _named(finding: Finding, by_step: bool) -> list[float]:
    places = [e.step if by_step else e.epoch for e in finding.evidence]
    return [float(place) for place in places if place is not None]


def _finding(finding: Finding) -> Iterator[str]:
    severity = say(f"diagnose.severity.{finding.severity}")
    yield f'<section class="finding {finding.severity}">'
    yield f"<h2><b>{_safe(severity)}</b> {_safe(finding.code)}: {_safe(finding.title)}</h2>"
    if finding.confidence is not None:
        sure = say("diagnose.confidence", percent=percent(finding.confidence))
        yield f'<p class="note">{_safe(sure)}</p>'
    yield "<ul>" + "".join(f"<li>{_safe(e.text)}</li>" for e in finding.evidence) + "</ul>"
    yield f"<p>{_safe(say('diagnose.why', text=finding.why))}</p>"
    for advice in finding.advice:
        settings = "".join(
            f" <code>{_safe(k)}: {_safe(f'{v:.3g}' if isinstance(v, float) else v)}</code>"
            for k, v in (advice.set or {}).items()
        )
        yield f"<p>{_safe(say('diagnose.do', text=advice.text))}{settings}</p>"
    yield f'<p class="note">{_safe(finding.reference)}</p></section>'


def _table(key: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[str]:
    """Claims or gates, with the columns that have something in them."""
    if not rows:
        return
    used = [c for c in columns if any(row.get(c) is not None for row in rows)]
    yield f"<h2>{_safe(say(key))}</h2><table><tr>"
    yield "".join(f"<th>{_safe(say(f'page.column.{c}'))}</th>" for c in used) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{_safe(_cell(c, row.get(c)))}</td>" for c in used) + "</tr>"
    yield "</table>"


def _cell(column: str, value: Any) -> str:
    """A cell in words; empty for what is not there."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return say("page.yes" if value else "page.no")
    if isinstance(value, float):
        return f"{value:.4g}"
    return say(f"claim.verdict.{value}") if column == "verdict" else str(value)


def _extent(found: Diagnosis) -> Iterator[str]:
    ran = say("diagnose.ran", n=len(found.ran), codes=", ".join(found.ran))
    yield f'<p class="note">{_safe(ran)}</p>'
    if found.skipped:
        summary = _safe(say("page.skipped", n=len(found.skipped)))
        yield f"<details><summary>{summary}</summary><ul>"
        yield "".join(f"<li>{_safe(s.code)}: {_safe(s.needs)}</li>" for s in found.skipped)
        yield "</ul></details>"


def _safe(value: object) -> str:
    return html.escape(str(value))


STYLE = """
:root{--ink:#1c2024;--paper:#fcfcfb;--soft:#667;--line:#e3e3e0;--c0:#2468b4;--c1:#c8591a;--c2:#2b8a57;
--c3:#8a4fb0;--error:#c62828;--warning:#b87900;--info:#2468b4}
@media(prefers-color-scheme:dark){:root{--ink:#e7e7e4;--paper:#17181a;--soft:#9a9aa2;--line:#303236;
--c0:#6aa7ee;--c1:#f0935a;--c2:#62c592;--c3:#c294e4;--error:#ff7b72;--warning:#e2b04a;--info:#6aa7ee}}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif}
main{max-width:920px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:1.35rem}h2{font-size:1.05rem;margin:.2em 0}
.verdict{padding:.1em .5em;border-radius:.3em;color:var(--paper);background:var(--info)}
.verdict.faulty{background:var(--error)}.verdict.watch{background:var(--warning)}
.verdict.healthy{background:var(--c2)}
.source,.note{color:var(--soft);font-size:.88rem;overflow-wrap:anywhere}
figure{margin:14px 0}svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--soft)}
polyline{fill:none;stroke-width:1.6}circle{stroke:none}
.c0{stroke:var(--c0)}circle.c0{fill:var(--c0)}.c1{stroke:var(--c1)}circle.c1{fill:var(--c1)}
.c2{stroke:var(--c2)}circle.c2{fill:var(--c2)}.c3{stroke:var(--c3)}circle.c3{fill:var(--c3)}
.grid{stroke:var(--line)}svg .code{font-size:11px;font-weight:600}
svg .lost{fill:var(--error);font-size:15px}
rect.error{fill:var(--error);opacity:.13}rect.warning{fill:var(--warning);opacity:.15}
rect.info{fill:var(--info);opacity:.08}
.short{margin:.2em 0;font-weight:600}.short.error{color:var(--error)}
.short.warning{color:var(--warning)}
.finding{border-left:4px solid var(--info);padding:.2em 0 .2em 14px;margin:20px 0}
.finding.error{border-color:var(--error)}.finding.warning{border-color:var(--warning)}
.finding.error b{color:var(--error)}.finding.warning b{color:var(--warning)}
code{background:var(--line);padding:.05em .35em;border-radius:.25em}
table{border-collapse:collapse;font-size:.92rem}td,th{border:1px solid var(--line);
padding:.35em .6em;text-align:left;vertical-align:top}
"""

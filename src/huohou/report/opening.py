"""The first lines of a report and the last: what the run came to, and what to do next.

Made from what was measured alone. What was not measured is said first, where it is what counts.
"""

from collections.abc import Iterator

from huohou.evaluate.card import Metric
from huohou.evaluate.words import share
from huohou.report.blocks import Block, Paragraph, Points
from huohou.report.part import Part, main_metric
from huohou.text import say

STEPS = 6  # next steps, at most
UNFINISHED = ("failed", "lost", "stopped", "queued", "starting", "running", "stopping")


def first_line(part: Part) -> Paragraph:
    """One sentence that does not flatter: whether it ended, whether it answers, better than what
    it began with or not."""
    if part.state in UNFINISHED:
        error = str(part.record.facts.get("error") or "").partition("\n")[0]
        told = say("report.first.unfinished", state=say(f"state.{part.state}"), error=error).strip()
        return Paragraph(told, "error" if part.state in ("failed", "lost") else "warning")
    if part.plan is None:
        return Paragraph(say("report.first.imported"), "warning")
    main = main_metric(part)
    if part.card is None or main is None:
        return Paragraph(say("report.first.not_scored"), "warning")
    on = str(part.card.questions["on"])
    fields = _fields(main) | {"on": say(f"eval.on_{on}"), "name": main.name}
    if on == "train":
        return Paragraph(say("report.first.on_train", **fields), "error")
    return _against_base(main, fields)


def _against_base(main: Metric, fields: dict[str, object]) -> Paragraph:
    apart, low, high = main.difference or (None, None, None)
    if apart is None or low is None or high is None:
        return Paragraph(say("report.first.no_base", **fields), "warning")
    key = "better" if low > 0 else "worse" if high < 0 else "same"
    told = say(
        f"report.first.{key}",
        base=share(main.baseline) if main.baseline is not None else "-",
        difference_low=f"{100 * low:+.0f}",
        difference_high=f"{100 * high:+.0f}",
        **fields,
    )
    return Paragraph(told, {"better": "", "worse": "error", "same": "error"}[key])


def _fields(main: Metric) -> dict[str, object]:
    low, high = (main.value if one is None else one for one in (main.low, main.high))
    return {"value": share(main.value), "low": share(low), "high": share(high), "n": main.n}


def also(part: Part) -> Iterator[Block]:
    """What else must be known before the numbers are: inventions, criteria missed."""
    if part.card is None:
        return
    made_up = part.card.metric("facts.invented")
    if made_up is not None and made_up.value > 0:
        count = round(made_up.value * made_up.n)
        yield Paragraph(say("report.first.invents", count=count, n=made_up.n), "error")
    failed = [gate.metric for gate in part.card.gates if gate.passed is False]
    if failed:
        yield Paragraph(say("report.first.gates", names=", ".join(failed)), "error")


def next_steps(part: Part) -> Points:
    """What to do now, the most urgent first, each with its command where there is one."""
    return Points(list(_steps(part))[:STEPS])


def _steps(part: Part) -> Iterator[str]:
    number = part.folder.name.partition("-")[0]
    if part.state in ("failed", "lost", "stopped") and part.plan is not None:
        key = "go_on" if part.state == "stopped" else "resume"
        yield say(f"report.next.{key}", run=number)
    yield from _cures(part)
    if part.plan is None:
        return
    if part.card is None and part.state in ("completed", None):
        yield say("report.next.eval", run=number)
        return
    yield from _after_score(part, number)


def _cures(part: Part) -> Iterator[str]:
    """The first advice of each finding, with the settings that it changes."""
    for finding in part.found.values():
        for advice in finding.advice[:1]:
            told = say("report.next.cure", code=finding.code, text=advice.text)
            yield f"{told}{_settings(advice.set)}"


def _settings(changed: dict[str, object] | None) -> str:
    shown = (
        f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in (changed or {}).items()
    )
    told = ", ".join(shown)
    return f" ({told})" if told else ""


def _after_score(part: Part, number: str) -> Iterator[str]:
    main = main_metric(part)
    if part.card is None or main is None:
        return
    if str(part.card.questions["on"]) == "train":
        yield say("report.next.held_out", run=number)
    if main.baseline is None:
        yield say("report.next.base", run=number)
    made_up = part.card.metric("facts.invented")
    if made_up is not None and made_up.value > 0:
        yield say("report.next.look_up")
    if main.low is not None and main.high is not None and main.high - main.low > 0.2:
        yield say("report.next.more_questions", n=main.n)
    low = main.difference[1] if main.difference else None
    if low is not None and low <= 0:
        yield say("report.next.not_better")
    elif not part.found:
        yield say("report.next.use", run=number)

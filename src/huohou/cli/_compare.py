"""Two scorecards side by side as people read them."""

from typing import TYPE_CHECKING

import click

from huohou.text import say

if TYPE_CHECKING:
    from huohou.evaluate.differences import Difference
    from huohou.evaluate.pairing import Compared, Flip

LONGEST = 100  # characters of a text that are shown
SURE = 0.001


def show_compared(found: "Compared", flips: int) -> None:
    """Print what was compared, the differences, what they mean, and the answers that changed."""
    asked = found.questions
    for name, side in (("A", found.first), ("B", found.second)):
        click.echo(f"{name}  {side['card']}")
    told = {key: asked.get(key) for key in ("asked", "source")}
    click.echo(say("compare.title", on=say(f"eval.on_{asked['on']}"), **told))
    for key, (old, new) in found.settings.items():
        click.echo(say("compare.setting", name=key, old=_short(old), new=_short(new)))
    _table(found)
    for sentence in found.words:
        click.echo(f"- {sentence}")
    _flips(found, flips)


def _table(found: "Compared") -> None:
    from huohou.cli._scorecard import show_table

    columns = ("metric", "difference", "p", "verdict", "n")
    metric, difference, p, verdict, n = (say(f"compare.column.{name}") for name in columns)
    rows = [
        [
            one.metric,
            _number(one, one.first),
            _number(one, one.second),
            _change(one),
            _p(one.p),
            say(f"compare.verdict.{one.verdict}"),
            str(one.n),
        ]
        for one in found.differences
    ]
    show_table([metric, "A", "B", difference, p, verdict, n], rows)


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return "<0.001" if value < SURE else f"{value:.3f}"


def _number(one: "Difference", value: float) -> str:
    from huohou.evaluate.words import share

    return share(value) if one.unit == "share" else f"{value:.3g}"


def _change(one: "Difference") -> str:
    scale = 100 if one.unit == "share" else 1
    said = f"{one.difference * scale:+.3g}"
    if one.low is None or one.high is None:
        return said
    return f"{said} [{one.low * scale:+.3g} {one.high * scale:+.3g}]"


def _flips(found: "Compared", most: int) -> None:
    for better, key in ((False, "compare.worse"), (True, "compare.better")):
        side = [flip for flip in found.flips if flip.better is better]
        if not side or not most:
            continue
        by = found.differences[0]
        count = by.higher if better == (by.better == "higher") else by.lower
        click.echo(say(key, metric=by.metric, count=count, shown=min(most, len(side))))
        for flip in side[:most]:
            _show(flip)


def _show(flip: "Flip") -> None:
    click.echo(f"  {_short(flip.question)}")
    if flip.reference:
        click.echo(f"    = {_short(flip.reference)}")
    click.echo(f"    A {_short(flip.first)}")
    click.echo(f"    B {_short(flip.second)}")


def _short(value: object) -> str:
    line = " ".join(str(value).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"

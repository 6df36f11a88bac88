"""A scorecard of the answering engine as people read it, its confidences beside what held."""

from typing import TYPE_CHECKING

import click

from huohou.text import say

if TYPE_CHECKING:
    from huohou.evaluate.card import Scorecard


def is_engine(card: "Scorecard") -> bool:
    """Whether a scorecard is of the answering engine."""
    return "mode" in card.settings


def show(card: "Scorecard") -> None:
    """Print what was asked, every number, each style, and the reliability table."""
    from huohou.cli import _scorecard

    asked, table = card.questions, card.table or {}
    told = {name: asked[name] for name in ("asked", "rows", "source")}
    click.echo(
        say(
            "eval.engine.title",
            mode=card.settings["mode"],
            model=card.run["model"] or say("eval.engine.no_model"),
            on=say(f"eval.on_{asked['on']}"),
            facts=table.get("facts"),
            **told,
        )
    )
    _scorecard.show_overall(card, "value")
    _scorecard.show_styles(card)
    _reliability(card)


def _reliability(card: "Scorecard") -> None:
    """How sure, how often right: a row for each bin."""
    from huohou.cli._scorecard import show_table
    from huohou.evaluate.words import share

    rows = [
        [
            f"{one['low']:.3f}-{one['high']:.3f}",
            f"{one['stated']:.3f}",
            f"{share(one['right'])} [{share(one['right_low'])} {share(one['right_high'])}]",
            str(one["n"]),
        ]
        for one in card.reliability
    ]
    if rows:
        names = ("confidence", "stated", "held", "n")
        show_table([say(f"eval.column.{name}") for name in names], rows)

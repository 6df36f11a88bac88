"""``huohou demo role``: a character, from its dialogues to a model that is served."""

import time
from collections.abc import Sequence
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from huohou.text import say

if TYPE_CHECKING:
    from huohou.demo_role import Both

STAGES = 5


def show_role(flags: Sequence[str]) -> int:
    """Train, release with proof, score, show both models' answers. Returns the exit code."""
    from huohou import api, demo_role
    from huohou.cli._progress import showing
    from huohou.cli._scorecard import asking, show_scorecard

    began = time.monotonic()
    _stage(1, "demo.plan")
    plan = _planned(flags)
    _stage(2, "demo.train")
    with showing() as on_event:
        run = api.train(plan, on_event)
    if run["status"] != "completed":
        click.echo(say("demo.ended", status=say(f"state.{run['status']}"), id=run["id"]), err=True)
        return 130 if run["status"] == "stopped" else 1
    ref = str(run["id"])
    _stage(3, "demo.role.release")
    releases = [_released(ref, target) for target in demo_role.TARGETS]
    _stage(4, "demo.role.score")
    with asking() as progress:
        card = api.evaluate(ref, "eval", memory=0, progress=progress)
    show_scorecard(card)
    _stage(5, "demo.role.beside")
    for one in demo_role.side_by_side(card):
        _show(one)
    for line in demo_role.last_words(card, releases, run, time.monotonic() - began):
        click.echo(line)
    return 0


def _planned(flags: Sequence[str]) -> Any:
    from huohou import api, demo_role
    from huohou.cli._plan import show_plan

    plan = api.make_plan(demo_role.run_file(), flags)
    show_plan(plan, err=True)
    return plan


def _released(ref: str, target: str) -> Any:
    from huohou import api, demo_role
    from huohou.cli._export import exporting, show_release

    with exporting() as progress:
        release = api.export(ref, target, quantize=demo_role.FORM, progress=progress)
    show_release(release)
    return release


def _show(one: "Both") -> None:
    click.secho(f"\n{one.question}", bold=True)
    for key, text in (("base", one.base), ("tuned", one.tuned), ("reference", one.reference)):
        click.echo(say(f"demo.role.{key}"))
        click.echo(indent(text.strip() or "-", "    "))


def _stage(number: int, key: str) -> None:
    click.secho(f"\n[{number}/{STAGES}] {say(key)}", bold=True, err=True)

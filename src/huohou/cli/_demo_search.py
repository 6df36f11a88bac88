"""``huohou demo search``: both stages of a search on the standard library's own text."""

from collections.abc import Sequence
from typing import Any

import click

from huohou.text import say

STAGES = 5


def show_search(flags: Sequence[str]) -> int:
    """Make pairs, train stage 1 and 2, score, diagnose, report. Returns the exit code."""
    from huohou import api, demo_search
    from huohou.cli._diagnosis import show_diagnosis
    from huohou.cli._scorecard import asking, show_scorecard

    _stage(1, "demo.search.data")
    data = demo_search.make_data(api.workspace())
    _stage(2, "demo.search.stage1")
    first = _trained(demo_search.stage_one(data, flags))
    if first["status"] != "completed":
        return _ended(first)
    _stage(3, "demo.search.stage2")
    second = _trained(demo_search.stage_two(data, str(first["id"]), flags))
    if second["status"] != "completed":
        return _ended(second)
    _stage(4, "demo.search.score")
    run = str(second["id"])
    with asking() as progress:
        card = api.evaluate(run, "test", progress=progress)
    show_scorecard(card)
    _stage(5, "demo.search.diagnosis")
    found = [api.diagnose(str(one["id"])) for one in (first, second)]
    for diagnosis in found:
        show_diagnosis(diagnosis.as_dict(), diagnosis.needs)
    click.echo()
    for line in demo_search.last_words(card, found, run, api.report(run)):
        click.echo(line)
    return 0


def _trained(flags: Sequence[str]) -> dict[str, Any]:
    from huohou import api
    from huohou.cli._plan import show_plan
    from huohou.cli._progress import showing

    plan = api.make_plan(None, flags)
    show_plan(plan, err=True)
    with showing() as on_event:
        return api.train(plan, on_event)


def _ended(run: dict[str, Any]) -> int:
    click.echo(say("demo.ended", status=say(f"state.{run['status']}"), id=run["id"]), err=True)
    return 130 if run["status"] == "stopped" else 1


def _stage(number: int, key: str) -> None:
    click.secho(f"\n[{number}/{STAGES}] {say(key)}", bold=True, err=True)

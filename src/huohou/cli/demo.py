"""``huohou demo``: the main job end to end on the bundled model and real bank codes."""

import click

from huohou.text import say


@click.command(help=say("cli.demo.help"))
@click.argument("what", type=click.Choice(["codes", "search", "role"]), default="codes")
@click.option("-s", "--set", "flags", multiple=True, metavar="KEY=VALUE", help=say("cli.set"))
def command(what: str, flags: tuple[str, ...]) -> int:
    if what == "search":
        from huohou.cli._demo_search import show_search

        return show_search(flags)
    if what == "role":
        from huohou.cli._demo_role import show_role

        return show_role(flags)
    return _codes(flags)


def _codes(flags: tuple[str, ...]) -> int:
    from huohou import api, demo
    from huohou.cli._diagnosis import show_diagnosis
    from huohou.cli._plan import show_plan
    from huohou.cli._progress import showing
    from huohou.cli._scorecard import asking, show_scorecard

    _stage(1, "demo.data")
    data = demo.make_data(api.workspace())
    _stage(2, "demo.plan")
    plan = api.make_plan(None, demo.flags(data, flags))
    show_plan(plan, err=True)
    _stage(3, "demo.train")
    with showing() as on_event:
        run = api.train(plan, on_event)
    if run["status"] != "completed":
        click.echo(say("demo.ended", status=say(f"state.{run['status']}"), id=run["id"]), err=True)
        return 130 if run["status"] == "stopped" else 1
    _stage(4, "demo.score")
    with asking() as progress:
        taught = api.evaluate(str(run["id"]), "train", limit=demo.ASKED, progress=progress)
    with asking() as progress:
        unseen = api.evaluate(str(run["id"]), "test", limit=demo.ASKED, progress=progress)
    show_scorecard(unseen)
    _stage(5, "demo.diagnosis")
    diagnosis = api.diagnose(str(run["id"]))
    show_diagnosis(diagnosis.as_dict(), diagnosis.needs)
    click.echo()
    for line in demo.last_words(run, taught, unseen, diagnosis):
        click.echo(line)
    return 0


def _stage(number: int, key: str) -> None:
    click.secho(f"\n[{number}/5] {say(key)}", bold=True, err=True)

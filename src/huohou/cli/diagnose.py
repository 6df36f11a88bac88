"""``huohou diagnose``: what is wrong with a run, and what to do."""

from pathlib import Path

import click

from huohou.text import say

EXIT = {"healthy": 0, "watch": 1, "faulty": 1, "cannot-judge": 3}


@click.command(help=say("cli.diagnose.help"))
@click.argument("run", metavar="RUN|PATH", required=False)
@click.option("--reader", metavar="NAME", help=say("cli.diagnose.reader"))
@click.option("--data", "rows", type=click.Path(path_type=Path), help=say("cli.diagnose.data"))
@click.option("--eval", "eval_rows", type=click.Path(path_type=Path), help=say("cli.diagnose.eval"))
@click.option("--model", default="none", metavar="NAME", help=say("cli.diagnose.model"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
@click.option("--html", "page", type=click.Path(path_type=Path), help=say("cli.diagnose.html"))
@click.option("--next", "next_file", type=click.Path(path_type=Path), help=say("cli.diagnose.next"))
@click.option("--probe", is_flag=True, help=say("cli.diagnose.probe"))
@click.option("--base", metavar="MODEL", help=say("cli.diagnose.base"))
@click.option("--adapter", type=click.Path(path_type=Path), help=say("cli.diagnose.adapter"))
@click.option("--merged", type=click.Path(path_type=Path), help=say("cli.diagnose.merged"))
@click.option("--gguf", type=click.Path(path_type=Path), help=say("cli.diagnose.gguf"))
@click.option("--modelfile", type=click.Path(path_type=Path), help=say("cli.diagnose.modelfile"))
@click.option("--exit-zero", is_flag=True, help=say("cli.diagnose.exit_zero"))
def command(
    run: str | None,
    *,
    probe: bool,
    base: str | None,
    adapter: Path | None,
    merged: Path | None,
    gguf: Path | None,
    modelfile: Path | None,
    reader: str | None,
    rows: Path | None,
    eval_rows: Path | None,
    model: str,
    as_json: bool,
    page: Path | None,
    next_file: Path | None,
    exit_zero: bool,
) -> int:
    from huohou import api
    from huohou.cli._diagnosis import show_diagnosis

    if probe or run is None:
        from huohou.cli._probe import ask

        others = (reader, eval_rows, page, next_file)
        stray = run is not None or any(one is not None for one in others)
        served = {"merged": merged, "gguf": gguf, "modelfile": modelfile}
        verdict = ask(stray or not probe, base, adapter, rows=rows, as_json=as_json, **served)
        return 0 if exit_zero else EXIT[verdict]
    found = api.diagnose(
        run,
        reader=reader,
        rows=rows,
        eval_rows=eval_rows,
        model=model,
        page=page,
        next_file=next_file,
    )
    told = found.as_dict()
    if as_json:
        import json

        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        show_diagnosis(told, found.needs)
    _tell(page, next_file)
    return 0 if exit_zero else EXIT[found.verdict]


def _tell(page: Path | None, next_file: Path | None) -> None:
    """Which files were written."""
    if page is not None:
        click.echo(say("diagnose.wrote_page", path=page), err=True)
    if next_file is not None:
        key = "diagnose.wrote_next" if next_file.exists() else "diagnose.no_next"
        click.echo(say(key, path=next_file), err=True)

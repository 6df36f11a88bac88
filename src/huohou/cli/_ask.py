"""An answer as people read it, and the loop in which they ask."""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from huohou.errors import UsageError
from huohou.text import percent, say

if TYPE_CHECKING:
    from huohou.answer.passages import PassageAnswer
    from huohou.answer.types import Answer, Mode


def questions(given: str | None) -> Iterator[str]:
    """The question given, else one line after the other from a terminal until an empty one.

    Raises UsageError where nobody can be asked for a question.
    """
    if given is not None:
        yield given
        return
    if not sys.stdin.isatty():
        raise UsageError("ask.no_question")
    click.echo(say("ask.loop"), err=True)
    while True:
        click.echo("> ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line.strip():
            return
        yield line


def show(answer: "Answer | PassageAnswer") -> None:
    """The words to stdout; what they stand on to stderr."""
    click.echo(answer.answer)
    for line in _sources(answer):
        click.secho(line, err=True, dim=True)
    told = say(f"ask.status.{answer.status}")
    sure = say("ask.sure", status=told, percent=percent(answer.confidence))
    parts = [sure, answer.mode, say("ask.seconds", seconds=f"{answer.seconds:.2f}")]
    if answer.model:
        parts.append(say("ask.model", name=answer.model))
    if not answer.verified:
        parts.append(say("ask.unverified"))
    click.secho(" · ".join(parts), err=True, dim=True)
    for check in answer.checks:
        mark = "✓" if check.passed else "✗"
        click.secho(f"  {mark} {check.text}", err=True, dim=check.passed)
    if answer.note:
        click.secho(answer.note, err=True, fg=None if answer.verified else "yellow")


def _sources(answer: "Answer | PassageAnswer") -> list[str]:
    """Where the numbers of an answer from documents point."""
    places = (getattr(one, "passage", None) for one in answer.evidence)
    return [f"[{i}] {one.place} {one.title}".rstrip() for i, one in enumerate(places, 1) if one]


def exit_code(answer: "Answer | PassageAnswer") -> int:
    """0 answered, asked back or known to be unknown; 1 a check failed; 3 not sure."""
    if any(not check.passed for check in answer.checks):
        return 1
    return 3 if answer.status == "unsure" else 0


def answerer(
    mode: "Mode", passages: str | None, model: str | None, **options: Any
) -> "Callable[[str], Answer | PassageAnswer]":
    """What answers: a table's engine, or documents. Raises UsageError for both at once."""
    from huohou import api

    if passages is None:
        if model is not None:
            raise UsageError("ask.model_for_passages")
        engine = api.open_engine(mode=mode, progress=_tell, **options)
        return lambda question: api.ask(question, engine, mode)
    if any(options.values()):
        raise UsageError("ask.passages_and_table")
    return api.passages_answerer(passages, model=model)


def _tell(sentence: str) -> None:
    click.echo(sentence, err=True)

"""Ways to show a run while it goes: drawn over in a terminal, plain lines, JSON lines."""

import time
from typing import TYPE_CHECKING, Any

import click

from huohou.cli._progress import PLAIN_SECONDS
from huohou.cli._runs import state
from huohou.cli._watch import in_words, lines, told
from huohou.text import say

if TYPE_CHECKING:
    from huohou.jobs.watching import Watch


def live(watch: "Watch") -> None:
    """A view that is drawn anew twice a second; its last state stays on the screen."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False)

    def drawn() -> Text:
        # The last row and column stay free: some terminals wrap or scroll there.
        found = lines(watch, console.width - 1, max(console.height - 1, 4))
        text = Text(no_wrap=True, overflow="crop")
        for i, (line, style) in enumerate(found):
            text.append("\n" * bool(i) + line, style=style or None)
        return text

    with Live(drawn(), console=console, auto_refresh=False) as shown:
        for _ in watch:
            shown.update(drawn(), refresh=True)


def plain(watch: "Watch") -> None:
    """A line for each thing that happens, numbers every 30 seconds."""
    numbers_at = time.monotonic() - PLAIN_SECONDS
    shown_state = ""
    for news in watch:
        for event in news:
            if event["kind"] == "state" and event["state"] != shown_state:
                shown_state = event["state"]
                click.echo(_state(watch, event))
            for text, _ in told(event):
                click.echo(text)
        has_numbers = any(event["kind"] == "metrics" for event in news)
        if has_numbers and time.monotonic() - numbers_at >= PLAIN_SECONDS:
            numbers_at = time.monotonic()
            click.echo(in_words(watch.view))


def _state(watch: "Watch", event: dict[str, Any]) -> str:
    title = say("runs.title", id=watch.view.number, name=watch.view.title)
    error = str(event.get("error") or "")
    return f"{title}  {state(event['state'])}" + (f"\n{error}" if error else "")


def as_json(watch: "Watch") -> None:
    """Every event as it stands in the files, one a line."""
    from huohou.record.events import dumps

    for news in watch:
        for event in news:
            click.echo(dumps(event).decode("utf-8", "backslashreplace"), nl=False)

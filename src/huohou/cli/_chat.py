"""The loop of a talk: what is typed is a turn, or a command that begins with a slash."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from huohou.errors import ModelError
from huohou.text import say

if TYPE_CHECKING:
    from huohou.api.talk import Talk
    from huohou.data.dataset import Message
    from huohou.probe.answers import Sampling, Spoken

TOO_LONG = "probe.prompt_too_long"


class Chat:
    """A talk with one model. system: put first instead of the prompt of the training."""

    def __init__(self, talk: "Talk", sampling: "Sampling", system: str | None = None) -> None:
        self._talk, self._sampling = talk, sampling
        self._system = talk.system if system is None else system
        self._turns: list[Message] = []
        self._ended = False

    def run(self) -> int:
        """Until /exit, or nothing more is typed. Returns the exit code."""
        self._note("chat.opened", name=self._talk.name, served=self._talk.served)
        self._show_system()
        if sys.stdin.isatty():
            self._note("chat.loop")
        for line in _lines():
            text = line.strip()
            if text.startswith("/"):
                self._command(text)
            elif text:
                self._say(text)
            if self._ended:
                break
        return 0

    def _command(self, text: str) -> None:
        name, _, rest = text[1:].partition(" ")
        known: dict[str, Callable[[str], None]] = {
            "help": lambda _: self._note("chat.commands"),
            "exit": self._exit,
            "quit": self._exit,
            "reset": self._reset,
            "system": self._set_system,
        }
        action = known.get(name.lower())
        if action is None:
            self._note("chat.unknown_command", name=name)
        else:
            action(rest.strip())

    def _exit(self, _: str) -> None:
        self._ended = True

    def _reset(self, _: str) -> None:
        self._turns.clear()
        self._note("chat.reset")

    def _set_system(self, text: str) -> None:
        """Without a text it is shown; "-" takes it away. A new one begins a new talk."""
        if text:
            self._system = None if text == "-" else text
            self._reset("")
        self._show_system()

    def _show_system(self) -> None:
        if self._system is None:
            self._note("chat.no_system")
        else:
            same = self._system == self._talk.system
            self._note("chat.system_trained" if same else "chat.system_own", text=self._system)

    def _say(self, text: str) -> None:
        from huohou.api import plain_text
        from huohou.data.dataset import Message

        self._turns.append(Message("user", plain_text(text)))
        said = self._spoken()
        if said is None:
            self._turns.pop()
            return
        self._turns.append(Message("assistant", said.text))
        self._after(said)

    def _spoken(self) -> "Spoken | None":
        """The answer, written as it comes. The oldest turns go where the talk is too long."""
        from huohou.data.dataset import Message

        first = [] if self._system is None else [Message("system", self._system)]
        while True:
            try:
                with _stopping() as left:
                    chat = [*first, *self._turns]
                    said = self._talk.speaker.speak(
                        self._talk.which, chat, self._sampling, _heard(left)
                    )
            except ModelError as error:
                if error.key != TOO_LONG or len(self._turns) < 3:
                    click.echo(say("cli.error", message=str(error)), err=True)
                    return None
                del self._turns[:2]
                self._note("chat.forgotten")
                continue
            click.echo()
            return said

    def _after(self, said: "Spoken") -> None:
        """Why it ended, where the model did not end it; on a terminal how quick it was."""
        if said.ended in ("length", "left"):
            self._note(f"chat.ended_{said.ended}", tokens=said.tokens)
        if sys.stdin.isatty() and said.seconds > 0:
            rate = f"{said.tokens / said.seconds:.0f}"
            self._note("chat.speed", tokens=said.tokens, rate=rate)

    def _note(self, key: str, **fields: Any) -> None:
        click.secho(say(key, **fields), err=True, dim=True)


def _lines() -> Iterator[str]:
    """What is typed, or comes through a pipe, a line a turn."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield from sys.stdin
        return
    import contextlib

    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  arrow keys and the lines before
    while True:
        try:
            yield input("> ")
        except EOFError:
            click.echo(err=True)
            return


def _heard(left: list[int]) -> Callable[[str], bool]:
    def listen(piece: str) -> bool:
        click.echo(piece, nl=False)
        sys.stdout.flush()
        return not left

    return listen


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """Ctrl-C ends the answer that is being written, not the talk. Signals that came."""
    left: list[int] = []  # no threading.Event: a second Ctrl-C would wait for its lock
    if threading.current_thread() is not threading.main_thread():
        yield left
        return
    before = signal.signal(signal.SIGINT, lambda number, _: left.append(number))
    try:
        yield left
    finally:
        signal.signal(signal.SIGINT, before)

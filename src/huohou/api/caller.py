"""Who asks a model, and what they give: turns of a talk, and how an answer is drawn."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.data.dataset import Message
    from huohou.probe.answers import Heard, Sampling

Tell = Callable[[str, dict[str, Any]], None]
Gone = Callable[[], bool]
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. tell: what happens; gone: whether nobody listens any more."""

    tell: Tell = lambda *_: None
    gone: Gone = lambda: False

    def heard(self, **about: Any) -> "Heard":
        """A listener that tells each piece of an answer."""

        def listen(piece: str) -> bool:
            self.tell("delta", {**about, "text": piece})
            return not self.gone()

        return listen


NOBODY = Caller()
current: ContextVar[Caller] = ContextVar("huohou_caller", default=NOBODY)


def turns(given: Sequence[Mapping[str, Any]]) -> "list[Message]":
    """Turns as a model reads them; "developer" is a system prompt. Raises UsageError."""
    from huohou.data.dataset import Message

    found = []
    for turn in given:
        role = {"developer": "system"}.get(turn["role"], turn["role"])
        if role not in ROLES:
            raise UsageError("chat.unknown_role", role=role, known=", ".join(ROLES))
        found.append(Message(role, plain_text(turn["content"])))
    if not found:
        raise UsageError("chat.no_messages")
    return found


def plain_text(text: str) -> str:
    """Text that can be written as UTF-8: half a character becomes "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


def sampling(**given: Any) -> "Sampling":
    """How an answer is drawn; where chance is in it and no seed is given, one is made up, so that
    it can be told and used again."""
    from huohou.probe.answers import Sampling

    found = Sampling(**{name: value for name, value in given.items() if value is not None})
    if found.temperature > 0 and given.get("seed") is None:
        return replace(found, seed=secrets.randbelow(2**31))
    return found

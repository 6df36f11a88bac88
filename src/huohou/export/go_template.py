"""A Go template for Ollama out of a model's own chat template: found by rendering, then proved.

The chat template renders conversations of marks, and what stands between two marks is what it puts
there. A template that does not treat turns alike, or changes what is said, is noticed when a set of
conversations does not come out the same, and refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from huohou.data.dataset import Message
from huohou.errors import ModelError
from huohou.export.go_render import ollama_prompt
from huohou.models.tokenizer import Turn

# A conversation as text, with the opening of an answer behind it or without.
Render = Callable[[Sequence[Turn], bool], str]
SYSTEM, USER, ASSISTANT = "system", "user", "assistant"


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the turns. default: before the first turn where there is no system
    prompt; before, after: by role; opening: of the answer."""

    default: str
    before: dict[str, str]
    after: dict[str, str]
    opening: str


def go_template(render: Render) -> str:
    """The template by which Ollama makes the same prompts. Raises ModelError with the first
    conversation that comes out otherwise."""
    template = written(around(render))
    for chat in trials():
        try:
            wanted = render(chat, True)
        except ModelError:  # the chat template refuses such a conversation, so nobody trains on it
            continue
        if ollama_prompt(template, chat) != wanted:
            turns = " ".join(turn.role for turn in chat)
            raise ModelError("export.go.differs", turns=turns)
    return template


def around(render: Render) -> Around:
    """What a chat template puts around turns. Raises ModelError where it leaves turns out."""
    s, u, a, v = (_Mark(name) for name in ("system", "user", "answer", "again"))
    turns = [
        Message(SYSTEM, s.text),
        Message(USER, u.text),
        Message(ASSISTANT, a.text),
        Message(USER, v.text),
    ]
    marks = (s, u, a, v)
    start, to_user, to_answer, to_again, end = _between(render(turns, True), marks)
    alone, _ = _between(render(turns[1:2], True), (u,))
    closing = _between(render(turns, False), marks)[-1]
    behind_user = _common_start(_common_start(to_answer, end), closing or end)
    before_user = _before_user(closing, to_user, to_again, alone)
    cut = len(before_user)
    return Around(
        alone[: len(alone) - cut],
        {SYSTEM: start, USER: before_user, ASSISTANT: to_answer[len(behind_user) :]},
        {
            SYSTEM: to_user[: len(to_user) - cut],
            USER: behind_user,
            ASSISTANT: to_again[: len(to_again) - cut],
        },
        end[len(behind_user) :],
    )


def _before_user(closing: str, *texts: str) -> str:
    """What stands before a question wherever it comes: behind what closes a turn, where turns are
    closed alike, else as much as all have in common."""
    same = texts[0]
    for text in texts[1:]:
        same = _common_end(same, text)
    own = texts[1].removeprefix(closing)
    return own if closing and same.endswith(own) else same


def written(found: Around) -> str:
    """As a Go template over ``.Messages``."""
    roles = (SYSTEM, USER, ASSISTANT)
    parts = []
    for number, role in enumerate(roles):
        word = "else if" if number else "if"
        turn = f"{_text(found.before[role])}{{{{ .Content }}}}{_text(found.after[role])}"
        parts.append(f'{{{{ {word} eq .Role "{role}" }}}}{turn}')
    turns = f"{{{{ range .Messages }}}}{''.join(parts)}{{{{ end }}}}{{{{ end }}}}"
    default = found.default and f"{{{{ if not .System }}}}{_text(found.default)}{{{{ end }}}}"
    return f"{default}{turns}{_text(found.opening)}"


def trials() -> tuple[tuple[Message, ...], ...]:
    """Conversations that have to come out the same: with and without a system prompt, one turn
    and several, other scripts, and texts that look like parts of a template."""
    system = Message(SYSTEM, "Be brief. Say {{ nothing }} twice.")
    texts = (
        "hi",
        'What is 1 < 2 & "3"?',
        "大悟农商行\n的联行号",
        "a {{ .Content }} `b` \\n {% c %}",
    )
    answers = ("Hello.", "Yes (quietly).\n\nThen no.", "402535510938", "<b>{}</b> 'x'")
    chats: list[tuple[Message, ...]] = []
    for length in (1, 2, 4):
        for first in range(len(texts)):
            turns: list[Message] = []
            for n in range(length):
                k = (first + n) % len(texts)
                turns += [Message(USER, texts[k]), Message(ASSISTANT, answers[k])]
            chats += [tuple(turns[:-1]), (system, *turns[:-1])]
    return tuple(chats)


class _Mark:
    """A text that no template contains or changes."""

    def __init__(self, name: str) -> None:
        self.text = f"huohou-mark-{name}-7f3a"


def _between(rendered: str, marks: Sequence[_Mark]) -> list[str]:
    """Texts before, between and behind marks. Raises ModelError where one is not there once."""
    found, rest = [], rendered
    for mark in marks:
        if rendered.count(mark.text) != 1 or mark.text not in rest:
            raise ModelError("export.go.turn_lost")
        before, _, rest = rest.partition(mark.text)
        found.append(before)
    return [*found, rest]


def _common_start(one: str, two: str) -> str:
    length = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
    return one[:length] if length is not None else min(one, two, key=len)


def _common_end(one: str, two: str) -> str:
    return _common_start(one[::-1], two[::-1])[::-1]


def _text(text: str) -> str:
    """A text as it stands in a Go template: quoted where it would be read as an action."""
    if "{{" not in text and "}}" not in text and not text.endswith("{"):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{{{{ "{quoted}" }}}}'

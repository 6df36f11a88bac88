"""What Ollama makes of a chat by a Go template: the prompt, character by character.

Ollama joins turns of one role that follow each other, gives the template the system prompt as
``.System`` and all turns as ``.Messages``; a template without ``.Messages`` is written once for
each exchange, with ``.System``, ``.Prompt`` and ``.Response``, and cut behind the last of these
(template/template.go of ollama/ollama). Templates that use more of the language than is understood
here are refused, never guessed at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from huohou.export.go_words import (
    Action,
    Block,
    Node,
    Text,
    UnknownError,
    fields,
    is_literal,
    literal,
    parse,
)
from huohou.models.tokenizer import Turn

Values = Mapping[str, Any]


def ollama_prompt(template: str, chat: Sequence[Turn]) -> str:
    """The text that Ollama gives the model for a conversation. Raises UnknownError."""
    nodes = parse(template)
    turns = _joined(chat)
    if "Messages" in fields(nodes):
        system = "\n\n".join(turn.content for turn in chat if turn.role == "system")
        return render(nodes, {"System": system, "Messages": turns, "Response": ""})
    return "".join(_exchanges(nodes, turns))


def render(nodes: Sequence[Node], values: Values) -> str:
    """A tree with values. Raises UnknownError."""
    return "".join(_Writer(values).written(nodes, values))


def _joined(chat: Sequence[Turn]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for turn in chat:
        if found and found[-1]["Role"] == turn.role:
            found[-1]["Content"] += f"\n\n{turn.content}"
        else:
            found.append({"Role": turn.role, "Content": turn.content})
    return found


def _exchanges(nodes: Sequence[Node], turns: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A template of one exchange, once for each, the last cut behind its response."""
    empty = {"System": "", "Prompt": "", "Response": ""}
    now = dict(empty)
    for turn in turns:
        role = turn["Role"]
        full = (now["Prompt"] or now["Response"]) if role == "system" else now["Response"]
        if role in ("system", "user") and full:
            yield render(nodes, now)
            now = dict(empty)
        name = {"system": "System", "user": "Prompt", "assistant": "Response"}.get(role)
        if name is not None:
            now[name] = turn["Content"]
    yield render(_cut(nodes, [False]), now)


def _cut(nodes: Sequence[Node], seen: list[bool]) -> list[Node]:
    """The tree without what comes behind the response."""
    found: list[Node] = []
    for node in nodes:
        if seen[0]:
            break
        if isinstance(node, Block):
            body, other = _cut(node.body, seen), _cut(node.other, seen)
            found.append(Block(node.kind, node.words, body, other))
        else:
            found.append(node)
            seen[0] = isinstance(node, Action) and "Response" in fields([node])
    return found


class _Writer:
    """Writes a tree. Variables are known from where they are made to the end of their block."""

    def __init__(self, root: Values) -> None:
        self._scopes: list[dict[str, Any]] = [{"$": root}]

    def written(self, nodes: Sequence[Node], dot: Any) -> Iterator[str]:
        for node in nodes:
            if isinstance(node, Text):
                yield node.text
            elif isinstance(node, Action):
                yield from self._action(node.words, dot)
            elif node.kind == "range":
                yield from self._range(node, dot)
            else:
                yield from self._branch(node, dot)

    def _action(self, words: tuple[str, ...], dot: Any) -> Iterator[str]:
        if len(words) > 2 and words[1] in (":=", "="):
            self._assign(words[0], self._value(words[2:], dot), words[1] == ":=")
            return
        value = self._value(words, dot)
        if isinstance(value, list | dict):
            raise UnknownError("export.go.part", part=" ".join(words))
        yield _shown(value)

    def _assign(self, name: str, value: Any, new: bool) -> None:
        scopes = [self._scopes[-1]] if new else [s for s in self._scopes if name in s][-1:]
        if not scopes:
            raise UnknownError("export.go.part", part=name)
        scopes[0][name] = value

    def _branch(self, node: Block, dot: Any) -> Iterator[str]:
        self._scopes.append({})
        words = node.words
        if len(words) > 2 and words[1] == ":=":
            value = self._value(words[2:], dot)
            self._assign(words[0], value, True)
        else:
            value = self._value(words, dot)
        inside = value if node.kind == "with" and value else dot
        yield from self.written(node.body if value else node.other, inside)
        self._scopes.pop()

    def _range(self, node: Block, dot: Any) -> Iterator[str]:
        names, words = _range_names(node.words)
        listed = self._value(words, dot) or []
        if not isinstance(listed, list):
            raise UnknownError("export.go.part", part=" ".join(node.words))
        for number, one in enumerate(listed):
            values = (number, one) if len(names) == 2 else (one,)
            self._scopes.append(dict(zip(names, values, strict=False)))
            yield from self.written(node.body, one)
            self._scopes.pop()
        if not listed:
            yield from self.written(node.other, dot)

    def _value(self, words: Sequence[str], dot: Any) -> Any:
        """Of a pipeline: each part is the last argument of the next."""
        value, rest, first = None, list(words), True
        while rest:
            arguments: list[Any] = []
            while rest and rest[0] != "|":
                arguments.append(self._operand(rest, dot))
            rest = rest[1:]
            value = _call(arguments if first else [*arguments, value])
            first = False
        return value

    def _operand(self, rest: list[str], dot: Any) -> Any:
        word = rest.pop(0)
        if word == "(":
            depth, inside = 1, []
            while rest and depth:
                depth += {"(": 1, ")": -1}.get(rest[0], 0)
                inside.append(rest.pop(0))
            return self._value(inside[:-1], dot)
        if is_literal(word):
            return literal(word)
        if word[0] in ".$":
            return self._field(word, dot)
        if word not in FUNCTIONS:
            raise UnknownError("export.go.part", part=word)
        return FUNCTIONS[word]

    def _field(self, word: str, dot: Any) -> Any:
        name, *parts = word.split(".")
        value = dot if not name else self._variable(name)
        for part in filter(None, parts):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def _variable(self, name: str) -> Any:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        raise UnknownError("export.go.part", part=name)


def _range_names(words: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    if ":=" not in words:
        return [], words
    at = words.index(":=")
    return [word for word in words[:at] if word != ","], words[at + 1 :]


def _call(arguments: list[Any]) -> Any:
    first, *rest = arguments
    if callable(first):
        return first(*rest)
    if rest:
        raise UnknownError("export.go.part", part=str(first))
    return first


def _shown(value: Any) -> str:
    if value is None:
        return "<no value>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first(values: Sequence[Any], wanted: bool) -> Any:
    return next((value for value in values if bool(value) is wanted), values[-1])


def _slice(value: Any, start: int = 0, end: int | None = None) -> Any:
    if not isinstance(value, list):  # of texts Go counts bytes
        raise UnknownError("export.go.part", part="slice")
    return value[start:end]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "eq": lambda a, *others: any(a == b for b in others),
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "and": lambda *values: _first(values, False),
    "or": lambda *values: _first(values, True),
    "not": lambda value: not value,
    "len": lambda value: len(value.encode() if isinstance(value, str) else value or ()),
    "slice": _slice,
}

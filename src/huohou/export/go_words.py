"""Go's text/template as a tree: the part of the language that templates of chats are written in."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from huohou.errors import ModelError

_ACTION = re.compile(r"\{\{(-(?=\s))?((?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|/\*.*?\*/|[^\"`])*?)((?<=\s)-)?\}\}", re.DOTALL)  # fmt: skip # noqa: E501
_WORD = re.compile(
    r"\s*(\"(?:\\.|[^\"\\])*\"|`[^`]*`|:=|[=|(),]|-?\d+|\$?\w*(?:\.\w+)+|\$\w*|\.|\w+)", re.DOTALL
)


class UnknownError(ModelError):
    """A part of the language that is not understood here."""


@dataclass(frozen=True, slots=True)
class Text:
    """Written as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """A value, written; names: variables that take it instead, with "=" or ":=" as made."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """if, with or range. words: of the condition; body, other: what is written then, and else."""

    kind: str
    words: tuple[str, ...]
    body: list["Node"] = field(default_factory=list)
    other: list["Node"] = field(default_factory=list)


Node = Text | Action | Block


def parse(template: str) -> list[Node]:
    """The tree of a template. Raises UnknownError with what is not understood."""
    pieces = list(_pieces(template))
    nodes, at, end = _list(pieces, 0)
    if end:
        raise UnknownError("export.go.part", part=end)
    assert at == len(pieces)
    return nodes


def _pieces(template: str) -> Iterator[Text | tuple[str, ...]]:
    """Texts and the words of actions, white space trimmed where a dash asks for it."""
    at, trim = 0, False
    for found in _ACTION.finditer(template):
        text = template[at : found.start()]
        text = text.lstrip() if trim else text
        yield Text(text.rstrip() if found[1] else text)
        words = () if found[2].strip().startswith("/*") else tuple(_words(found[2]))
        if words:
            yield words
        at, trim = found.end(), bool(found[3])
    rest = template[at:]
    yield Text(rest.lstrip() if trim else rest)


def _words(inside: str) -> Iterator[str]:
    at, inside = 0, inside.rstrip()
    while at < len(inside):
        found = _WORD.match(inside, at)
        if found is None:
            raise UnknownError("export.go.part", part=inside[at : at + 40])
        yield found[1]
        at = found.end()


def _list(pieces: Sequence[Any], at: int) -> tuple[list[Node], int, str]:
    """Nodes until an ``else`` or ``end``: they, the place of what ended them, and which it was."""
    nodes: list[Node] = []
    while at < len(pieces):
        piece = pieces[at]
        if isinstance(piece, Text):
            nodes += [piece] if piece.text else []
        elif piece[0] in ("end", "else"):
            return nodes, at, str(piece[0])
        elif piece[0] in ("if", "range", "with"):
            block, at = _block(pieces, at, piece[0], piece[1:])
            nodes.append(block)
        elif piece[0] in ("define", "template", "block", "break", "continue"):
            raise UnknownError("export.go.part", part=piece[0])
        else:
            nodes.append(Action(piece))
        at += 1
    return nodes, at, ""


def _block(pieces: Sequence[Any], at: int, kind: str, words: tuple[str, ...]) -> tuple[Block, int]:
    """A block that begins at a place, and the place of its ``end``."""
    body, at, ended = _list(pieces, at + 1)
    other: list[Node] = []
    if ended == "else":
        rest = pieces[at][1:]
        if rest:  # else if: a block of its own, and one end for both
            inner, at = _block(pieces, at, rest[0], rest[1:])
            return Block(kind, words, body, [inner]), at
        other, at, ended = _list(pieces, at + 1)
    if ended != "end":
        raise UnknownError("export.go.part", part=kind)
    return Block(kind, words, body, other), at


def literal(word: str) -> Any:
    """What a word stands for by itself: a text, a number, true, false, nil.

    >>> literal('"a\\\\n"'), literal("`b`"), literal("3"), literal("true")
    ('a\\n', 'b', 3, True)
    """
    if word[0] == '"':
        return json.loads(word, strict=False)
    if word[0] == "`":
        return word[1:-1]
    if word in ("true", "false", "nil"):
        return {"true": True, "false": False, "nil": None}[word]
    return int(word)


def is_literal(word: str) -> bool:
    """Whether a word stands for a value by itself."""
    return word[0] in '"`-0123456789' or word in ("true", "false", "nil")


def fields(nodes: Sequence[Node]) -> set[str]:
    """Names of all fields in a tree, such as Messages and Content."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, Text):
            continue
        found |= {part for word in node.words if "." in word and not is_literal(word)
                  for part in word.split(".")[1:] if part}  # fmt: skip
        if isinstance(node, Block):
            found |= fields(node.body) | fields(node.other)
    return found

"""Pairs for retrieval that are on every machine: the docstrings of Python's standard library.

The first sentence of a docstring is the query, its name with the rest the passage, the module (the
topmost package) the document. Sources are read and parsed; no module is imported or run.
"""

import ast
import os
import re
import sys
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path

from huohou.data.normal import normal
from huohou.data.pairs.entities import find_entities
from huohou.data.pairs.pairset import PairSet, Passage, Query
from huohou.data.similar import near_pairs
from huohou.errors import DataError
from huohou.text import say

LEAST_WORDS, LEAST_REST, MOST_QUERY, MOST_PASSAGE = 4, 60, 250, 1200  # words; characters
NOT_TAUGHT = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "pydoc_data", "site-packages"}
SENTENCE_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!etc)(?<!vs)[.!?](?=\s+[^a-z\s]|\s*$)")
SIGNATURE = re.compile(r"^[\w.]+\(.*\)(\s*(->|=>).*)?\.?$")

Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Documented:
    """A docstring: the dotted name, the names of its parameters, first sentence and the rest."""

    name: str
    parameters: tuple[str, ...]
    sentence: str
    rest: str

    @property
    def module(self) -> str:
        """The topmost package, what is kept together."""
        return self.name.split(".", 1)[0]

    @property
    def passage(self) -> str:
        """The name as it is called, and below it what follows the first sentence."""
        call = f"({', '.join(self.parameters)})" if self.parameters else ""
        return f"{self.name}{call}\n{self.rest}"


def python_pairs(folder: Path | None = None) -> PairSet:
    """Pairs from the docstrings below a folder, by default the running Python's library.

    The same sources give the same pairs. First sentences that occur again tell nothing apart, and
    of nearly equal passages only the first is kept. Raises DataError where there are no sources.
    """
    root = folder or Path(sysconfig.get_path("stdlib"))
    found = list(documented(root))
    counts = Counter(normal(one.sentence) for one in found)
    kept = [one for one in found if counts[normal(one.sentence)] == 1]
    again = {j for _, j in near_pairs([normal(one.rest) for one in kept])}
    kept = [one for i, one in enumerate(kept) if i not in again]
    if not kept:
        raise DataError("data.python.no_source", folder=root)
    source = str(folder) if folder else f"Python {sys.version.split()[0]}"
    notes = (say("data.python.note_same", count=len(found) - len(kept)),)
    passages = tuple(_passage(one) for one in kept)
    queries = tuple(_query(one) for one in kept)
    return PairSet(source, "python", passages, queries, notes)


def documented(root: Path) -> Iterator[Documented]:
    """Every public docstring with a first sentence and enough after it, in the order of names."""
    seen: set[str] = set()
    for path in sorted(_sources(root)):
        parts = path.relative_to(root).with_suffix("").parts
        names = parts[:-1] if parts[-1] == "__init__" else parts
        tree = _parsed(path)
        if tree is None or not names:
            continue
        for name, node in _definitions(tree, ".".join(names)):
            one = _documented(name, node)
            if one is not None and name not in seen:
                seen.add(name)
                yield one


def _sources(root: Path) -> Iterator[Path]:
    """Files that can be imported, tests and the like left out."""
    for folder, inner, files in os.walk(root):
        inner[:] = [name for name in inner if name.isidentifier() and name not in NOT_TAUGHT]
        yield from (Path(folder, name) for name in files if _importable(name))


def _importable(file: str) -> bool:
    stem, _, suffix = file.partition(".")
    return stem.isidentifier() and suffix == "py"


def _parsed(path: Path) -> ast.Module | None:
    """The file's tree; None where this Python cannot parse it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in strings
            return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, OSError):
        return None


def _definitions(node: ast.AST, name: str) -> Iterator[tuple[str, Definition]]:
    """The node and the public classes and functions in it, not those inside of functions."""
    if isinstance(node, Definition):
        yield name, node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not child.name.startswith("_"):
                yield from _definitions(child, f"{name}.{child.name}")
        elif isinstance(child, ast.If | ast.Try | ast.ExceptHandler):
            yield from _definitions(child, name)


def _documented(name: str, node: Definition) -> Documented | None:
    text = ast.get_docstring(node, clean=False)
    if not text:
        return None
    sentence, rest = first_sentence(cleandoc(text))
    words = len(sentence.split())
    if words < LEAST_WORDS or len(sentence) > MOST_QUERY or len(rest) < LEAST_REST:
        return None
    return Documented(name, _parameters(node), sentence, _cut(rest))


def first_sentence(text: str) -> tuple[str, str]:
    """A docstring's first sentence on one line, and what follows it.

    A signature on a line of its own before it is left out.

    >>> first_sentence("f(x) -> int\\n\\nCount x.  Slowly.")
    ('Count x.', 'Slowly.')
    """
    lines = text.strip().split("\n")
    while lines and (SIGNATURE.match(lines[0].strip()) or not lines[0].strip()):
        lines = lines[1:]
    body = "\n".join(lines)
    paragraph = re.split(r"\n\s*\n", body, maxsplit=1)[0]
    ends = SENTENCE_END.search(paragraph)
    end = ends.end() if ends else len(paragraph)
    return " ".join(body[:end].split()), body[end:].strip()


def _parameters(node: Definition) -> tuple[str, ...]:
    if isinstance(node, ast.Module | ast.ClassDef):
        return ()
    arguments = node.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return tuple(name for name in names if name not in ("self", "cls"))


def _cut(text: str) -> str:
    """At most MOST_PASSAGE characters, whole paragraphs or else whole lines."""
    for border in ("\n\n", "\n"):
        kept = ""
        for piece in text.split(border):
            if len(kept) + len(piece) > MOST_PASSAGE:
                break
            kept += (border if kept else "") + piece
        if len(kept) >= LEAST_REST:
            return kept
    return text[:MOST_PASSAGE]


def _passage(one: Documented) -> Passage:
    text = one.passage
    return Passage(one.name, text, one.module, "", find_entities(text, _names(one)))


def _query(one: Documented) -> Query:
    entities = find_entities(one.sentence, _names(one))
    return Query(one.name, one.sentence, (one.name,), entities=entities)


def _names(one: Documented) -> tuple[str, ...]:
    """What the entry is about: its full and its own name, its parameters."""
    return (one.name, one.name.rsplit(".", 1)[-1], *one.parameters)

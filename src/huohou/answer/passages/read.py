"""Documents into passages: text, Markdown, rows of JSONL or CSV, and SQuAD's JSON."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from huohou.answer.passages.sentences import sentences
from huohou.answer.passages.types import Passage
from huohou.data.containers import check_file, read_records, read_text
from huohou.data.pairs.squad import articles
from huohou.errors import DataError

LONGEST = 900  # width of a passage, a Chinese character counted as two
TEXTS = ("text", "context", "content", "passage", "body")  # columns that hold the text, first wins
MOST_FILES = 100_000
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]")
_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*$")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)、]|[|>])\s*")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_FENCE = re.compile(r"\s*(```|~~~)")

Part = tuple[int, str, str]  # line, title, text


def read_passages(
    path: str | Path, may_read: Callable[[Path], bool] = lambda _: True
) -> list[Passage]:
    """The passages of a file, or of all files of a folder and its folders, in the order of names.

    A file of text or Markdown is cut between paragraphs, never inside a sentence; a row of JSONL,
    JSON or CSV with a column such as ``text`` (and perhaps ``title``) is one passage, or several
    where it is long. Of a folder text and Markdown are read, without hidden files: rows can be of
    anything, so their file has to be named. may_read: asked for each file of a folder, where not
    all of them are for who asks. Raises DataError for what cannot be read and where no passage is
    found.
    """
    source = Path(path).expanduser()
    if source.is_dir():
        found = list(_of_folder(source, may_read))
        if not found:
            raise DataError("passages.empty_folder", path=path, known=" ".join(PROSE))
    else:
        check_file(source)
        if source.suffix.lower() not in READERS:
            raise DataError("passages.unknown_suffix", path=path, known=" ".join(READERS))
        found = [(source.name, part) for part in _parts(source)]
    passages = [
        Passage(i, text, title, name, line) for i, (name, (line, title, text)) in enumerate(found)
    ]
    if not passages:
        raise DataError("passages.empty", path=path)
    return passages


def _of_folder(folder: Path, may_read: Callable[[Path], bool]) -> Iterator[tuple[str, Part]]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PROSE
        and path.is_file()
        and not any(name.startswith(".") for name in path.relative_to(folder).parts)
        and may_read(path)
    )
    for path in files[:MOST_FILES]:
        name = path.relative_to(folder).as_posix()
        yield from ((name, part) for part in _parts(path))


def _parts(path: Path) -> Iterator[Part]:
    for line, title, text in READERS[path.suffix.lower()](path):
        yield from ((line, _shown(title), piece) for piece in _fitting(_shown(text)))


def _shown(text: str) -> str:
    """A text without control characters: none may act on a terminal."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def _fitting(text: str) -> Iterator[str]:
    """A text in pieces of about the longest width, cut between sentences."""
    if width(text) <= 2 * LONGEST:
        if text.strip():
            yield text.strip()
        return
    piece = ""
    for sentence in sentences(text):
        if piece and width(piece) + width(sentence) > LONGEST:
            yield piece
            piece = ""
        piece = joined(piece, sentence)
    if piece:
        yield piece


def width(text: str) -> int:
    """Columns a text takes, a Chinese character two."""
    return len(text) + len(_WIDE.findall(text))


def joined(one: str, other: str) -> str:
    """Two pieces of text in one line: with a blank, but not between Chinese characters.

    >>> joined("two", "words"), joined("两行", "中文")
    ('two words', '两行中文')
    """
    if not one or not other:
        return one or other
    dense = _WIDE.match(other[0]) and (_WIDE.match(one[-1]) or one[-1] in "。！？；，、")
    return f"{one}{'' if dense else ' '}{other}"


def _markdown(path: Path) -> Iterator[Part]:
    """Paragraphs of one heading together, as long as they fit."""
    titles: list[str] = []
    begun, held = 1, ""
    for line, text in _paragraphs(read_text(path)):
        heading = _HEADING.fullmatch(text)
        if heading or (held and width(held) + width(text) > LONGEST):
            if held:
                yield begun, " › ".join(filter(None, titles)), held
            held = ""
        if heading:
            depth = len(heading[1])
            titles = [*titles[: depth - 1], *[""] * (depth - 1 - len(titles)), heading[2]]
            continue
        begun = begun if held else line
        held = f"{held}\n{text}" if held else text
    if held:
        yield begun, " › ".join(filter(None, titles)), held


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs with the line they begin on: lines joined, but items of a list, rows of a table
    and lines of code as lines of their own."""
    begun, held, code = 1, "", False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            code = not code
            continue
        stripped = line.strip()
        is_heading = not code and _HEADING.fullmatch(stripped) is not None
        if (not stripped and not code) or is_heading:
            if held:
                yield begun, held
            held = ""
            if is_heading:
                yield number, stripped
            continue
        begun = begun if held else number
        apart = held and (code or _ITEM.match(line))
        held = f"{held}\n{stripped}" if apart else joined(held, stripped)
    if held:
        yield begun, held


def _rows(path: Path) -> Iterator[Part]:
    for line, row in read_records(path):
        name = next((n for n in TEXTS if isinstance(row.get(n), str)), None)
        if name is None:
            known = ", ".join(TEXTS)
            raise DataError("passages.no_text", path=path, line=line, known=known)
        title = row.get("title")
        yield line, title if isinstance(title, str) else "", row[name]


def _json(path: Path) -> Iterator[Part]:
    listed = articles(path) if path.suffix.lower() == ".json" else None
    if listed is None:
        yield from _rows(path)
        return
    number = 0
    for article in listed:
        for paragraph in article["paragraphs"]:
            number += 1
            yield number, str(article.get("title") or ""), _context(paragraph, path, number)


def _context(paragraph: Any, path: Path, number: int) -> str:
    text = paragraph.get("context") if isinstance(paragraph, dict) else None
    if not isinstance(text, str):
        raise DataError("passages.no_text", path=path, line=number, known="context")
    return text


PROSE = (".txt", ".md", ".markdown")
READERS: dict[str, Callable[[Path], Iterator[Part]]] = {
    **dict.fromkeys(PROSE, _markdown),
    ".jsonl": _rows,
    ".csv": _rows,
    ".json": _json,
}

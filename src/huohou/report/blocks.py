"""Pieces of a report, written as Markdown and as HTML from one list: both always say the same."""

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from huohou import text


@dataclass(frozen=True, slots=True)
class Heading:
    """level: 1 for the title."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """kind: "" or the severity of what it says: error, warning, info, note."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """A list."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """rows: cells as texts, as many as the head has; kinds: one a row where rows are marked: good,
    bad, or "" for neither."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    kinds: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """svg: drawn by ``chart``; instead: what stands for it where no picture can."""

    svg: str
    instead: Table | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """What few will read: shown when asked for, where a page can do that."""

    title: str
    items: Sequence[str]


Block = Heading | Paragraph | Points | Table | Picture | Folded


def markdown(blocks: Iterable[Block]) -> str:
    """The report as Markdown (GitHub's, with tables)."""
    return "\n\n".join(filter(None, map(_markdown, blocks))) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(level, told):
            return f"{'#' * level} {_plain(told)}"
        case Paragraph(told, kind):
            return f"**{_plain(told)}**" if kind in ("error", "warning") else _plain(told)
        case Points(items):
            return "\n".join(f"- {_plain(item)}" for item in items)
        case Folded(title, items):
            return f"{_plain(title)}\n\n{_markdown(Points(items))}"
        case Table(head, rows):
            lines = [head, ["---"] * len(head), *rows]
            return "\n".join("| " + " | ".join(map(_plain, line)) + " |" for line in lines)
        case Picture(_, instead):
            return "" if instead is None else _markdown(instead)


def _plain(told: str) -> str:
    """One line of Markdown in which nothing of a text acts as markup."""
    line = " ".join(told.split())
    for sign in "\\`*_<|[":
        line = line.replace(sign, f"\\{sign}")
    return line


def page(title: str, style: str, blocks: Iterable[Block]) -> str:
    """The report as one page of HTML that needs nothing else."""
    body = "\n".join(line for block in blocks for line in _html(block))
    return (
        f'<!doctype html>\n<html lang="{text.language()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_safe(title)}</title><style>{style}{_MORE}</style></head>"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


_MORE = """h2{margin-top:1.6em}h3{font-size:1rem;margin:1em 0 .3em}.wide{overflow-x:auto}
tr.good td:first-child,tr.bad td:first-child,tr.none td:first-child{white-space:nowrap}
tr.good td:first-child{color:var(--c2)}tr.bad td:first-child{color:var(--error);font-weight:600}
summary{cursor:pointer;color:var(--soft)}details{margin:.8em 0}"""


def _html(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, told):
            yield f"<h{level}>{_safe(told)}</h{level}>"
        case Paragraph(told, kind):
            named = {"": "", "note": ' class="note"'}.get(kind, f' class="short {kind}"')
            yield f"<p{named}>{_safe(told)}</p>"
        case Points(items):
            yield "<ul>" + "".join(f"<li>{_safe(item)}</li>" for item in items) + "</ul>"
        case Folded(title, items):
            yield f"<details><summary>{_safe(title)}</summary>"
            yield from _html(Points(items))
            yield "</details>"
        case Table(head, rows, kinds):
            yield '<div class="wide"><table>' + _row("th", head)
            marks = kinds or [""] * len(rows)
            yield from (_row("td", row, mark) for row, mark in zip(rows, marks, strict=True))
            yield "</table></div>"
        case Picture(svg, _):
            if svg:
                yield f"<figure>{svg}</figure>"


def _row(tag: str, cells: Sequence[str], mark: str = "") -> str:
    named = f' class="{mark}"' if mark else ""
    return f"<tr{named}>" + "".join(f"<{tag}>{_safe(cell)}</{tag}>" for cell in cells) + "</tr>"


def _safe(told: str) -> str:
    return html.escape(told)

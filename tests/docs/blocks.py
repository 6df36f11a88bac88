"""Reads Markdown documents as the tests see them: fenced blocks, commands, links.

In a ```console block, lines that begin with ``$ `` are commands (a line that ends in a backslash
goes on), the lines under one are output that must occur in this order; ``...`` stands for
anything. ``# exit 1`` after a command is the exit code it must have. Comments above a block:
``<!-- slow -->``, ``<!-- not run: REASON -->``, ``<!-- file: NAME -->`` (the block is that file).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/*/*.md"))
    if (ROOT / "docs" / "rules") not in path.parents
)
_FENCE = re.compile(r"^(?P<indent> *)(?P<marks>```+)(?P<kind>\S*)\s*$")
_COMMENT = re.compile(r"^\s*<!--\s*(.*?)\s*-->\s*$")
_EXIT = re.compile(r"\s+# exit (\d+)\s*$")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, first line, and the comment above it."""

    kind: str
    text: str
    line: int
    comment: str

    @property
    def slow(self) -> bool:
        return self.comment == "slow"

    @property
    def run(self) -> bool:
        return not self.comment.startswith("not run:")


@dataclass
class Command:
    """One command with the exit code and the output it must have."""

    text: str
    line: int
    code: int = 0
    output: list[str] = field(default_factory=list)


def blocks(path: Path) -> list[Block]:
    """All fenced blocks of a document. Raises ValueError where one is not closed."""
    found: list[Block] = []
    open_at, marks, indent, kind, comment, text = 0, "", 0, "", "", []
    above = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        fence = _FENCE.match(line)
        if not marks and fence:
            open_at, marks, indent = number, fence["marks"], len(fence["indent"])
            kind, comment, text = fence["kind"], above, []
        elif marks and fence and fence["marks"] == marks and not fence["kind"]:
            found.append(Block(kind, "".join(f"{t}\n" for t in text), open_at, comment))
            marks = ""
        elif marks:
            text.append(line[indent:] if not line[:indent].strip() else line)
        noted = _COMMENT.match(line)
        above = noted[1] if noted else above if not line.strip() else ""
    if marks:
        raise ValueError(f"{path}:{open_at}: a block that is not closed")
    return found


def commands(block: Block) -> list[Command]:
    """The commands of a console block."""
    found: list[Command] = []
    goes_on = False
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if goes_on:
            found[-1].text += "\n" + line
        elif line.startswith("$ "):
            found.append(Command(line[2:], number))
        elif not found:
            raise ValueError(f"line {number}: output without a command")
        elif line.strip():
            found[-1].output.append(line.strip())
        goes_on = (goes_on or line.startswith("$ ")) and line.endswith("\\")
    for one in found:
        stated = _EXIT.search(one.text)
        if stated:
            one.code, one.text = int(stated[1]), one.text[: stated.start()]
    return found


def consoles(path: Path) -> list[Block]:
    """The console blocks of a document."""
    return [block for block in blocks(path) if block.kind == "console"]


def missing(wanted: list[str], output: str) -> str | None:
    """The first wanted line that the output does not have after those before it."""
    rest = "\n".join(" ".join(line.split()) for line in output.splitlines())
    for line in wanted:
        pieces = [re.escape(" ".join(piece.split())) for piece in line.split("...")]
        hit = re.search(r"[^\n]*?".join(pieces), rest)
        if hit is None:
            return line
        rest = rest[hit.end() :]
    return None


def prose(path: Path) -> str:
    """A document without its fenced blocks and code spans."""
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def links(path: Path) -> list[str]:
    """Targets of links and pictures, web addresses left out."""
    targets = (first or second for first, second in _LINK.findall(prose(path)))
    return [one for one in targets if not re.match(r"[a-z][a-z0-9+.-]*:", one)]


def anchors(path: Path) -> set[str]:
    """Names that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ +(.*?)\s*$", prose(path), re.M)
    plain = re.findall(r"^#+ +(.*?)\s*$", path.read_text(encoding="utf-8"), re.M)
    return {_anchor(heading) for heading in (*headings, *plain)}


def _anchor(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.replace("`", ""))
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")

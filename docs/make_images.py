"""Draw terminal pictures from what commands really print.

python docs/make_images.py                              runs the commands below, draws all pictures
python docs/make_images.py CAPTURED NAME COMMAND [N]    draws one from a captured file, or from
                                                        its last N lines below a line "..."

A captured file holds what a command wrote to a terminal, colours included, for example from
``script -qec "huohou demo" captured.txt``. Each picture keeps its capture beside it (NAME.txt), so
that a test can hold that the picture shows just that.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

IMAGES = Path(__file__).parent / "images"
ROOT = Path(__file__).parents[1]
COLUMNS = 100
# Text, colours (ESC [ ... m), movements (ESC [ ... letter), titles, line ends.
PARTS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b.|\n|\r|[^\x1b\n\r]+")
LINES = "script (started|done) on "  # what `script` writes around a capture
MAKE = "huohou data make examples/bank_codes/branches.csv -o data --facts 24"
MAKE += " --system @examples/bank_codes/system.txt"


@dataclass(frozen=True)
class Picture:
    """A command to draw, its language, and what is run before it."""

    command: str
    language: str = "en"
    before: str = MAKE


OVERLAP = "huohou init && head -2 train.jsonl >> eval.jsonl"  # a fault that is often made
CHECK = "huohou data check {0}train.jsonl --eval {0}eval.jsonl --model smollm2-135m --preview 1"
PICTURES = {
    "data-check": Picture(CHECK.format(""), before=OVERLAP),
    "data-check.zh": Picture(CHECK.format("data/"), "zh"),
    "diagnose": Picture("huohou diagnose docs/samples/triage/trainer_state.json"),
    "diagnose.zh": Picture("huohou diagnose docs/samples/triage/trainer_state.json", "zh"),
}
DARK, LIGHT, GREY = (24, 26, 31), (216, 218, 224), (128, 136, 150)
COLOURS = [(224, 108, 117), (126, 198, 120), (222, 184, 104), (97, 165, 239), (198, 120, 221)]
NORMAL = [DARK, *COLOURS, (86, 182, 194), LIGHT]
THEME = TerminalTheme(DARK, LIGHT, NORMAL, [GREY, *NORMAL[1:]])


def capture(picture: Picture, folder: Path) -> str:
    """What a command writes to a terminal of COLUMNS columns."""
    env = dict(os.environ) | {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    env |= {"HUOHOU_LANG": picture.language, "HUOHOU_HOME": "runs"}
    env.pop("NO_COLOR", None)
    quiet = subprocess.DEVNULL
    subprocess.run(
        picture.before, shell=True, cwd=folder, env=env, check=True, stdout=quiet, stderr=quiet
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        picture.command, shell=True, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        return cleaned(b"".join(pieces(ours)).decode("utf-8"))


def pieces(descriptor: int) -> list[bytes]:
    """All that comes from a terminal until its other end is closed."""
    found = []
    while select.select([descriptor], [], [], 300)[0]:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # Linux says so at the end
            break
        if not piece:
            break
        found.append(piece)
    os.close(descriptor)
    return found


def cleaned(output: str) -> str:
    """The lines that stand there in the end, with their colours: what moved is gone.

    Knows what progress bars do: go up a line, back to its begin, erase it, write it anew.
    """
    lines, row, fresh = [""], 0, False
    for found in PARTS.finditer(re.sub("\r+\n", "\n", output)):
        part = found.group()
        if part == "\n":
            row, fresh = row + 1, False
            lines += [""] * (row + 1 - len(lines))
        elif part == "\r" or part.endswith("K"):
            fresh = True  # what is written next replaces the line
            lines[row] = "" if part.endswith("K") else lines[row]
        elif part.endswith("A") and part.startswith("\x1b["):
            row = max(0, row - int(part[2:-1] or 1))
        elif part[0] != "\x1b" or part.endswith("m"):
            lines[row] = part if fresh else lines[row] + part
            fresh = False
    kept = [line for line in lines if not re.match(LINES, line, re.IGNORECASE)]
    return "\n".join(kept).rstrip("\n") + "\n"


def svg(command: str, output: str) -> str:
    """A picture of a terminal that shows the command and its output."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, highlight=False)
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        for line in Text.from_ansi(output.rstrip("\n")).split(allow_blank=True):
            console.print(folded(line))
        drawn = console.export_svg(title="huohou", theme=THEME, unique_id="terminal")
    # the fonts of the reader's machine: a picture that fetches one is not the same everywhere
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    return drawn.replace("Fira Code,", "ui-monospace, Menlo, Consolas,")


def folded(line: Text) -> Text:
    """The line broken where a terminal breaks it: at its last column, not between words."""
    breaks, used = [], 0
    for i, character in enumerate(line.plain):
        width = cell_len(character)
        used = used + width
        if used > COLUMNS:
            breaks.append(i)
            used = width
    return Text("\n").join(line.divide(breaks))


def draw(name: str, command: str, output: str) -> None:
    """Write NAME.txt and NAME.svg."""
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.txt").write_text(f"$ {command}\n{output}", encoding="utf-8")
    (IMAGES / f"{name}.svg").write_text(svg(command, output), encoding="utf-8")


def redraw(kept: Path) -> str:
    """The picture that belongs to a NAME.txt."""
    command, _, output = kept.read_text(encoding="utf-8").partition("\n")
    return svg(command.removeprefix("$ "), output)


def surroundings(folder: Path) -> None:
    """What a command finds in a clone of the repository."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copytree(ROOT / "docs" / "samples", folder / "docs" / "samples")


def main(arguments: list[str]) -> int:
    """Draw all pictures, or one from a captured file."""
    if arguments:
        source, name, command, *last = arguments
        lines = cleaned(Path(source).read_bytes().decode("utf-8")).splitlines()
        shown = ["...", *lines[-int(last[0]) :]] if last else lines
        draw(name, command, "\n".join(shown) + "\n")
        return 0
    for name, picture in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            surroundings(Path(folder))
            draw(name, picture.command, capture(picture, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

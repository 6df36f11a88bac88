"""The losses' data sheets as one page: ``python -m huohou.recipes.losses.sheet docs/losses.md``.

A test holds that the page is that of the losses.
"""

import sys
from importlib import import_module
from inspect import getdoc
from pathlib import Path

from huohou.recipes.losses import losses

_BEGIN = """# Losses of embeddings

Taken by name in a run file (`embed: {loss: info-nce}`). Each is one file in
`src/huohou/recipes/losses/`; what follows is the head of that file. Q queries meet D passages, each
distinct text once; scores are cosines or those of `huohou.measure.gaussian`.

"""


def page() -> str:
    """All data sheets in Markdown, by name."""
    return _BEGIN + "\n".join(f"## {name}\n\n{sheet(name)}" for name, _ in losses)


def sheet(name: str) -> str:
    """The data sheet of a loss: the first lines of its file, formulas set apart."""
    module = import_module(f"{losses.get(name).__module__}.{name.replace('-', '_')}")
    lines: list[str] = []
    for line in (getdoc(module) or "").splitlines():
        inside, fenced = line.startswith("    "), bool(lines) and lines[-1].startswith("    ")
        if inside and not fenced:
            lines.append("")
        if fenced and not inside and line:
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page to the file named, or to stdout."""
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())


if __name__ == "__main__":
    main()

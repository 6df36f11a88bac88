"""Run benchmarks of this folder and write docs/benchmarks.md from what they print.

Run as: python bench/run_all.py [--quick] [--kept FILE] [NAME ...]

Without a name all of them run; with names only these, and the other tables of the page stay as they
are. --kept FILE takes what one script printed in a run of its own, instead of running it.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Written by `make bench`. Each table is one script in `bench/` that says what it runs and
how; both sides of a comparison run in turn in one call. Ratios carry over to other
machines, seconds do not.
"""


def scripts() -> dict[str, Path]:
    """All benchmarks by name: the scripts beside this one that are not shared pieces."""
    found = sorted(HERE.glob("*.py"))
    return {p.stem: p for p in found if not p.name.startswith(("_", "run_all"))}


def run(script: Path, *, quick: bool) -> str:
    """What a script prints. Raises CalledProcessError."""
    command = [sys.executable, str(script), *(["--quick"] if quick else [])]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def result(printed: str) -> dict[str, Any]:
    """The JSON object on the last line."""
    found: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    return found


def met(value: float, target: dict[str, float]) -> bool:
    """Whether a figure is within its target."""
    return target.get("min", value) <= value <= target.get("max", value)


def table(found: dict[str, Any], quick: bool) -> str:
    """One benchmark's part of the page in Markdown."""
    machine = ", ".join(f"{k} {v}" for k, v in found["machine"].items() if v is not None)
    command = f"python bench/{found['bench']}.py{' --quick' if quick else ''}"
    lines = [f"## {found['bench']}", "", f"`{command}` on {machine}."]
    lines += ["", "| figure | value | target | met |", "|---|---|---|---|"]
    for name, value in found["figures"].items():
        target = found["targets"].get(name, {})
        words = ", ".join(f"{side} {bound:g}" for side, bound in target.items())
        verdict = ("yes" if met(value, target) else "**no**") if target else ""
        lines.append(f"| {name} | {value:.4g} | {words} | {verdict} |")
    lines += missed(found.get("misses", []))
    return "\n".join(lines) + "\n"


def missed(rows: list[dict[str, Any]]) -> list[str]:
    """What a benchmark did not meet, one line each, with all it says of it."""
    if not rows:
        return []
    names = list(rows[0])
    lines = ["", "Not met:", "", f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return lines + [f"| {' | '.join(cell(row[name]) for name in names)} |" for row in rows]


def cell(value: object) -> str:
    """A value in one cell of a table."""
    words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return words.replace("|", "\\|").replace("\n", " ") or "nothing"


def tables_of(page: str) -> dict[str, str]:
    """The parts of a page by their names."""
    parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--kept", type=Path, nargs="+", default=[], help="output of a script")
    asked = parser.parse_args()
    known = scripts()
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(known)}")
    names = asked.names or ([] if asked.kept else list(known))
    found = [(result(file.read_text(encoding="utf-8")), False) for file in asked.kept]
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found.append((result(run(known[name], quick=asked.quick)), asked.quick))
    old = tables_of(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    new = {one["bench"]: table(one, quick) for one, quick in found}
    parts = {name: text for name, text in (old | new).items() if name in known}
    PAGE.write_text("\n".join([HEAD, *(parts[name] for name in sorted(parts))]), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()

"""Run every benchmark in this folder and write docs/benchmarks.md from what they print.

Run as: python bench/run_all.py [--quick]
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from _common import arguments

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"


def scripts() -> list[Path]:
    """All benchmarks: the scripts beside this one that are not shared pieces."""
    return sorted(p for p in HERE.glob("*.py") if not p.name.startswith(("_", "run_all")))


def result(script: Path, *, quick: bool) -> dict[str, Any]:
    """Run one; returns the JSON object on its last line. Raises CalledProcessError."""
    command = [sys.executable, str(script), *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def met(value: float, target: dict[str, float]) -> bool:
    """Whether a figure is within its target."""
    return target.get("min", value) <= value <= target.get("max", value)


def page(results: list[dict[str, Any]]) -> str:
    """The benchmark page in Markdown."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Each table is one script in `bench/` that says what it runs and",
        "how; both sides of a comparison run in turn in one call. Ratios carry over to other",
        "machines, seconds do not.",
    ]
    for found in results:
        machine = ", ".join(f"{k} {v}" for k, v in found["machine"].items() if v is not None)
        lines += [
            "",
            f"## {found['bench']}",
            "",
            f"`python bench/{found['bench']}.py` on {machine}.",
        ]
        lines += ["", "| figure | value | target | met |", "|---|---|---|---|"]
        for name, value in found["figures"].items():
            target = found["targets"].get(name, {})
            words = ", ".join(f"{side} {bound:g}" for side, bound in target.items())
            verdict = ("yes" if met(value, target) else "**no**") if target else ""
            lines.append(f"| {name} | {value:g} | {words} | {verdict} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    quick = arguments(__doc__ or "").quick
    results = []
    for script in scripts():
        print(f"{script.name} ...", file=sys.stderr, flush=True)
        results.append(result(script, quick=quick))
    PAGE.write_text(page(results), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()

"""Questions written by hand (200, then 120), asked and counted as ``asked_by_people.md`` says.

Each question is one point. ``count:N`` needs the number in the words; ``list`` every code;
``ambiguous`` every code, or a question back that names them (three at most are named, then how many
more there are); ``unknown`` no value given as the answer.
"""

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huohou.measure.text import normalise

HERE = Path(__file__).parent
# The second was written when the engine stood, and asked once before anybody read what it missed.
FILES = {
    "people": HERE / "asked_by_people.tsv",
    "people_second": HERE / "asked_by_people_2.tsv",
    "people_third": HERE / "asked_by_people_3.tsv",
}
Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of the file."""

    question: str
    expect: str
    kind: str


def read(file: Path) -> list[Asked]:
    """All of a file's, in their order."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Asked(row["question"], row["expect"], row["kind"]) for row in rows]


def right(asked: Asked, told: Told) -> bool:
    """Whether the answer counts."""
    values = {normalise(str(value)) for value in told["values"]}
    if asked.expect == "unknown":
        return not values and told["status"] in ("unknown", "unsure")
    if asked.expect.startswith("count:"):
        return asked.expect.removeprefix("count:") in re.findall(r"\d+", told["answer"])
    wanted = {normalise(value) for value in asked.expect.split("|")}
    offered = {
        normalise(str(one[side])) for one in told["alternatives"] for side in one if one[side]
    }
    if asked.kind == "ambiguous" and told["status"] == "ambiguous":
        return wanted <= offered or (len(wanted) > 3 and len(wanted & offered) == 3)
    if asked.kind == "list" and told["intent"] == "list":
        return _rows(told) == wanted or values == wanted
    return told["status"] == "found" and values == wanted


def _rows(told: Told) -> set[str]:
    """Values of the rows that a list shows, name and value of each, whichever is in ``values``."""
    values = {normalise(str(row["BankCode"])) for row in told["evidence"]}
    return values if told["status"] == "found" else set()


def wrong_real(asked: Asked, told: Told) -> bool:
    """Whether a value is given as the answer that is not the one asked for."""
    values = {normalise(str(value)) for value in told["values"]}
    wanted = {normalise(value) for value in asked.expect.split("|")}
    return told["status"] == "found" and not values <= wanted and not right(asked, told)


def score(
    ask: Callable[[str], Told], name: str = "people"
) -> tuple[dict[str, float], list[tuple[Asked, Told]]]:
    """Share right in all and by kind, share wrong; and what was not right, to be read.

    name: of the file in FILES, and what the figures are called by.
    """
    found = [(asked, ask(asked.question)) for asked in read(FILES[name])]
    hits = [right(asked, told) for asked, told in found]
    figures = {f"{name}_right": _share(hits)}
    for kind in dict.fromkeys(asked.kind for asked, _ in found):
        own = [hit for (asked, _), hit in zip(found, hits, strict=True) if asked.kind == kind]
        figures[f"{name}_right_{kind.replace('-', '_')}"] = _share(own)
    figures[f"{name}_wrong"] = _share([wrong_real(asked, told) for asked, told in found])
    return figures, [pair for pair, hit in zip(found, hits, strict=True) if not hit]


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits)

"""A character's own habits, counted in answers: what a role is asked for, from a small YAML file.

``habits: [{name: stage-direction, is: WORDS, pattern: REGEX}, ...]`` and ``out_of_role: [REGEX,
...]``. Patterns are looked for anywhere in an answer, upper and lower case alike.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huohou.config import read_yaml
from huohou.errors import ConfigError

KEYS = ({"habits"}, {"habits", "out_of_role"})
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Habit:
    """One thing that the character does. told: what it is, in words."""

    name: str
    told: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Played:
    """One answer as somebody's. kept: by habit, whether it is there; out: whether another spoke."""

    kept: Mapping[str, bool]
    out: bool

    @property
    def share(self) -> float:
        """Habits that are there, of all."""
        return sum(self.kept.values()) / len(self.kept)


@dataclass(frozen=True, slots=True)
class Role:
    """What is looked for in an answer.

    >>> role = Role((Habit("oath", "", re.compile("by wick")),), (re.compile("an AI"),))
    >>> role.judge("Yes, by wick!"), role.judge("I am an AI.").out
    (Played(kept={'oath': True}, out=False), True)
    """

    habits: tuple[Habit, ...]
    out: tuple[re.Pattern[str], ...] = ()

    def judge(self, answer: str) -> Played:
        """What an answer has of the role."""
        kept = {habit.name: habit.pattern.search(answer) is not None for habit in self.habits}
        return Played(kept, any(pattern.search(answer) for pattern in self.out))


def read_role(path: Path) -> Role:
    """The habits of a file. Raises ConfigError that names the entry."""
    raw = read_yaml(path)
    habits, out = raw.get("habits"), raw.get("out_of_role", [])
    if set(raw) not in KEYS or not isinstance(habits, list) or not habits:
        raise ConfigError("role.form", path=path)
    if not isinstance(out, list):
        raise ConfigError("role.form", path=path)
    found = tuple(_habit(path, number, entry) for number, entry in enumerate(habits, 1))
    _single(path, [habit.name for habit in found])
    patterns = (_pattern(path, f"out_of_role {n}", entry) for n, entry in enumerate(out, 1))
    return Role(found, tuple(patterns))


def _habit(path: Path, number: int, entry: Any) -> Habit:
    place = f"habits {number}"
    if not isinstance(entry, dict) or not {"name", "pattern"} <= set(entry) <= {
        "name",
        "is",
        "pattern",
    }:
        raise ConfigError("role.entry", path=path, place=place)
    name = str(entry["name"])
    if not NAME.fullmatch(name):
        raise ConfigError("role.name", path=path, place=place, name=name)
    return Habit(name, str(entry.get("is", name)), _pattern(path, place, entry["pattern"]))


def _pattern(path: Path, place: str, given: Any) -> re.Pattern[str]:
    if not isinstance(given, str):  # "(?: " and "[...]" are a mapping and a list without quotes
        raise ConfigError("role.no_text", path=path, place=place, found=given)
    try:
        return re.compile(given, re.IGNORECASE)
    except re.error as error:
        raise ConfigError("role.pattern", path=path, place=place, problem=error) from error


def _single(path: Path, names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError("role.twice", path=path, name=twice)

"""Wrong rules of thumb in a report, and what to say of each.

A claim is one module in ``claims/``: how it is worded in English and Chinese, what the report's own
numbers say of it, and sentences in which it is and is not made. From it come its tests and, by the
keys ``claim.CODE.*`` of the locale files, its words: ``name``, ``statement`` (what is true) and the
numbers that decide.

    @claim(
        "gap-shrinks",
        verdict="reversed",
        says=(r"gap.{0,20}shrink|差距.{0,8}缩小", r"overfit|过拟合"),
        fires=("The gap shrinks: a risk of overfitting",),
        quiet=("The gap grows: overfitting",),
        source="...",
    )
    def gap_shrinks(case: Case) -> str | None:
        return gap_shrinks.say("wanted")
"""

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from huohou.diagnose import claims as claim_package
from huohou.diagnose.case import Case
from huohou.diagnose.rule import show
from huohou.measure.text import normalise
from huohou.record.record import Figure, Statement
from huohou.registry import Registry
from huohou.text import say

Verdict = Literal["wrong", "reversed", "unproven"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One wrong rule of thumb.

    says: patterns that must all be found in a sentence that makes it; unless: one that must not;
    decide: what this run's numbers say of it, in words, or which would decide; None where they
    do not speak against it, and then it is left alone. source: where the right statement is from.
    """

    code: str
    verdict: Verdict
    says: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str] | None
    decide: Callable[[Case], str | None]
    fires: tuple[str, ...]
    quiet: tuple[str, ...]
    source: str

    def made_in(self, sentence: str) -> bool:
        """Whether the sentence makes the claim; full-width letters and signs are as half-width."""
        sentence = normalise(sentence)
        if self.unless is not None and self.unless.search(sentence):
            return False
        return all(pattern.search(sentence) for pattern in self.says)

    def length(self, sentence: str) -> int:
        """Characters of the sentence that make the claim."""
        found = (pattern.search(normalise(sentence)) for pattern in self.says)
        return sum(len(match[0]) for match in found if match)

    def say(self, key: str, **fields: object) -> str:
        """The claim's sentence of that key."""
        shown = {k: show(v) if isinstance(v, float) else v for k, v in fields.items()}
        return say(f"claim.{self.code}.{key}", **shown)


registry: Registry[Claim] = Registry("claims")


def claim(
    code: str,
    *,
    verdict: Verdict,
    says: tuple[str, ...],
    fires: tuple[str, ...],
    quiet: tuple[str, ...],
    source: str,
    unless: str | None = None,
) -> Callable[[Callable[[Case], str | None]], Claim]:
    """Decorator that makes a claim of the function that decides it, and files it by its code."""
    patterns = tuple(re.compile(pattern, re.I) for pattern in says)
    never = re.compile(unless, re.I) if unless else None

    def make(decide: Callable[[Case], str | None]) -> Claim:
        made = Claim(code, verdict, patterns, never, decide, fires, quiet, source)
        return registry.register(code)(made)

    return make


@cache
def claims() -> tuple[Claim, ...]:
    """All claims, by code."""
    for module in pkgutil.iter_modules(claim_package.__path__):
        importlib.import_module(f"{claim_package.__name__}.{module.name}")
    return tuple(found for _, found in registry)


def answers(case: Case) -> tuple[dict[str, Any], ...]:
    """The report's wrong claims with what is true, in the order of the text, each claim once.

    text: the sentence that makes it plainest; lines: of all that do; decides: this run's number,
    in words.
    """
    found: list[dict[str, Any]] = []
    for each in claims() if case.record.statements else ():
        made = [one for one in case.record.statements if each.made_in(one.text)]
        decides = each.decide(case) if made else None
        if decides is not None:
            found.append(_answer(each, made, decides))
    return tuple(sorted(found, key=lambda answer: (answer["lines"] or [0])[0]))


def _answer(each: Claim, made: list[Statement], decides: str) -> dict[str, Any]:
    plainest = max(made, key=lambda one: (_plain(one.text), each.length(one.text)))
    return {
        "code": each.code,
        "text": plainest.text,
        "lines": sorted({one.line for one in made if one.line is not None}),
        "verdict": each.verdict,
        "statement": each.say("statement"),
        "decides": decides,
        "reference": each.source,
    }


def _plain(sentence: str) -> tuple[bool, bool]:
    """Claims of the run itself before suppositions, those with a number first."""
    return not _SUPPOSED.search(sentence), any(c.isdigit() for c in sentence)


_SUPPOSED = re.compile(r"如果|若是|\bif\b|\bshould\b|可能", re.I)


def figure(case: Case, *names: str) -> Figure | None:
    """The first figure of one of these names."""
    return next((f for name in names for f in case.record.figures if f.name == name), None)

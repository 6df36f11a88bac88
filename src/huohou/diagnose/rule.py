"""The form of a rule: what it is called, what it needs, how it decides, and its own examples.

A rule is one module in ``rules/``. From it come its tests (every record in ``fires`` must draw a
finding, none in ``quiet`` may), its page in the docs, ``huohou explain CODE`` and, by the keys
``rule.CODE.*`` of the locale files, its words:

- ``name``: the fault in a few words; ``title``: the finding, with its numbers;
- ``why``: what it means; ``how``: how it is decided, with thresholds, and when that is wrong;
- ``evidence.KEY`` and ``advice.KEY``: as many as the rule uses;
- ``source``: where the criterion comes from, unless ``source=`` is a citation that reads the same
  in every language.

    @rule(
        "no-eval",
        severity="warning",
        cause=Cause.WATCHING,
        needs=(Need("loss"),),
        fires=(run(loss=[2.0, 1.5, 1.2]),),
        quiet=(run(loss=[2.0, 1.5, 1.2], evals=[1.9, 1.4]),),
        source="Prechelt (1998)",
    )
    def no_eval(case: Case) -> Finding | None:
        if case.evaluations:
            return None
        return no_eval.finding(advice=[no_eval.advice("evaluate")])
"""

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from huohou.diagnose import rules as rule_package
from huohou.diagnose.case import Case
from huohou.record.finding import Advice, Evidence, Finding, Severity, Tier
from huohou.record.record import Point, Record
from huohou.registry import Registry
from huohou.text import say


class Cause(IntEnum):
    """Kinds of causes, the deepest first: what stands higher explains what stands lower."""

    NUMBERS = 0
    RESTART = 1
    RATE = 2
    GEOMETRY = 3  # what a loss of embeddings can see of them
    DATA = 4
    DURATION = 5
    SERVING = 6  # what is handed over is not what was trained
    WATCHING = 7


@dataclass(frozen=True, slots=True)
class Need:
    """Evidence a rule cannot do without.

    what: a series (``loss``, ``eval_loss``, ...), ``updates``, ``epochs``, ``plan``, ``data``,
    ``probe``, ``embedding`` (that embeddings are trained), or ``fact:NAME``; count: points of the
    series; instead: a fact that does as well.
    """

    what: str
    count: int = 1
    instead: str = ""

    def met(self, case: Case) -> bool:
        """Whether the case has it."""
        if self.instead and self.instead in case.record.facts:
            return True
        if self.what in ("updates", "epochs", "plan", "data", "probe"):
            return getattr(case, self.what) is not None
        if self.what == "embedding":
            return case.embedding
        if self.what.startswith("fact:"):
            return self.what[5:] in case.record.facts
        name = case.eval_name if self.what == "eval_loss" else self.what
        return len(case.course(name)) >= self.count

    def __str__(self) -> str:
        if self.what == "loss" and self.count == 1:
            return say("need.loss_one")
        return say(f"need.{self.what.removeprefix('fact:')}", n=self.count)


Outcome = Finding | Need | None
"""What a rule says: a finding, nothing, or what it would need to be able to say something."""

Example = Record | Case


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    explains: codes of findings that are symptoms of this one and are left out when it is found.
    cited: where the criterion comes from, as a citation; empty where that is a sentence.
    """

    code: str
    severity: Severity
    tier: Tier
    cause: Cause
    needs: tuple[Need, ...]
    check: Callable[[Case], Outcome]
    fires: tuple[Example, ...]
    quiet: tuple[Example, ...]
    cited: str = ""
    explains: tuple[str, ...] = ()

    def judge(self, case: Case) -> Outcome:
        """What the rule says of a case; the first need that is not met where there is one."""
        for need in self.needs:
            if not need.met(case):
                return need
        return self.check(case)

    @property
    def source(self) -> str:
        """Where the criterion comes from, in the language in force."""
        return self.cited or self._say("source", {})

    def finding(
        self,
        evidence: Iterable[Evidence] = (),
        advice: Iterable[Advice] = (),
        severity: Severity | None = None,
        **fields: object,
    ) -> Finding:
        """A finding of this rule; fields fill the title."""
        return Finding(
            code=self.code,
            severity=severity or self.severity,
            tier=self.tier,
            title=self._say("title", fields),
            why=self._say("why", {}),
            evidence=tuple(evidence),
            advice=tuple(advice),
            reference=self.source,
        )

    def evidence(self, key: str, point: Point | None = None, **fields: object) -> Evidence:
        """A fact in words; point: where it was read, filling the slots ``where`` and ``value``."""
        if point is None:
            return Evidence(self._say(f"evidence.{key}", fields))
        fields = {"where": where(point), "value": show(point.value)} | fields
        return Evidence(self._say(f"evidence.{key}", fields), point.step, point.value, point.epoch)

    def advice(self, key: str, set: dict[str, Any] | None = None, **fields: object) -> Advice:
        """What to do, in words and as settings."""
        return Advice(self._say(f"advice.{key}", fields), set)

    def _say(self, key: str, fields: dict[str, object]) -> str:
        shown = {k: show(v) if isinstance(v, float) else v for k, v in fields.items()}
        return say(f"rule.{self.code}.{key}", **shown)


registry: Registry[Rule] = Registry("rules")


def rule(
    code: str,
    *,
    severity: Severity,
    cause: Cause,
    needs: tuple[Need, ...],
    fires: tuple[Example, ...],
    quiet: tuple[Example, ...],
    source: str = "",
    tier: Tier = "log",
    explains: tuple[str, ...] = (),
) -> Callable[[Callable[[Case], Outcome]], Rule]:
    """Decorator that makes a rule of a function and files it under its code."""

    def make(check: Callable[[Case], Outcome]) -> Rule:
        made = Rule(code, severity, tier, cause, needs, check, fires, quiet, source, explains)
        return registry.register(code)(made)

    return make


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, those of the deepest causes first."""
    for module in pkgutil.iter_modules(rule_package.__path__):
        importlib.import_module(f"{rule_package.__name__}.{module.name}")
    return tuple(sorted((r for _, r in registry), key=lambda r: (r.cause, r.code)))


def case_of(example: Example) -> Case:
    """An example as a case."""
    return example if isinstance(example, Case) else Case(example)


def where(point: Point) -> str:
    """Where a point stands, in words.

    >>> where(Point(0.5, step=20)), where(Point(0.5, epoch=1.5))
    ('step 20', 'epoch 1.5')
    """
    if point.step is not None:
        return say("at.step", step=point.step)
    if point.epoch is not None:
        return say("at.epoch", epoch=show(point.epoch))
    return say("at.line", line=point.line) if point.line else say("at.somewhere")


def show(value: float) -> str:
    """A number as people read it: four digits that count.

    >>> show(0.313261), show(2000.0), show(float("nan")), show(1e-05)
    ('0.3133', '2000', 'NaN', '1e-05')
    """
    if math.isnan(value):
        return "NaN"
    return f"{value:.4g}"

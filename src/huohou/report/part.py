"""What a report is made from: a run with its plan, what was recorded, and what the doctor says."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from huohou.data.checks import checks
from huohou.diagnose.engine import Diagnosis
from huohou.evaluate.card import Metric, Scorecard
from huohou.plan import Plan
from huohou.record.finding import Finding
from huohou.record.record import Record

PAIR_CHECKS = ("data-duplicates", "data-overlap")  # of data.pairs.check
MAIN = ("facts.accuracy", "text.exact", "retrieval.ndcg@10")


@dataclass(frozen=True)
class Part:
    """One run, a stage of two perhaps. plan: None for a log that was taken in; card: its score,
    None where it was not scored."""

    folder: Path
    plan: Plan | None
    record: Record
    diagnosis: Diagnosis
    card: Scorecard | None = None

    @property
    def name(self) -> str:
        """The run's name, of a log that was taken in its folder's."""
        return self.plan.name if self.plan else self.folder.name.partition("-")[2]

    @property
    def recipe(self) -> str:
        """sft, embed or align; import for a log that was taken in."""
        return self.plan.recipe if self.plan else "import"

    @property
    def state(self) -> str | None:
        """How the job stands, None where it is not known."""
        found = self.record.facts.get("state")
        return str(found) if found else None

    @property
    def data_checks(self) -> tuple[str, ...]:
        """Codes of the checks that rows, or pairs of a search, are given."""
        if self.recipe in ("embed", "align"):
            return PAIR_CHECKS
        return tuple(code for code, _ in checks)

    @cached_property
    def found(self) -> dict[str, Finding]:
        """Findings that ask for something, by code."""
        return {f.code: f for f in self.diagnosis.findings if f.severity != "info"}

    @cached_property
    def needs(self) -> dict[str, str]:
        """Codes that were not judged, and what each would need."""
        return {one.code: one.needs for one in self.diagnosis.skipped}

    def setting(self, name: str) -> Any:
        """A setting of the plan by its dotted name, None where there is none."""
        held = self.plan.settings.get(name) if self.plan else None
        return held.value if held is not None else None


def main_metric(part: Part) -> Metric | None:
    """The number that a score is about."""
    found = (part.card.metric(name) for name in MAIN) if part.card else iter(())
    return next((metric for metric in found if metric is not None), None)

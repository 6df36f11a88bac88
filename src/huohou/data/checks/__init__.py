"""Checks before training: one file a check, each a pure function from the data to a finding.

To add one, write a file here with a function decorated with ``check``.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from huohou.data.dataset import Dataset
from huohou.data.labels import ChatTokenizer, LabelledRow
from huohou.record.finding import Finding
from huohou.registry import Registry
from huohou.text import say


@dataclass(frozen=True, slots=True)
class CheckInput:
    """What there is to check; None where it is not there.

    labelled_train, labelled_eval: a LabelledRow for each row, in order; batch_size: rows an
    update; max_length: tokens kept of a row; tokenizer: what made the labelled rows.
    """

    train: Dataset
    eval: Dataset | None = None
    labelled_train: Sequence[LabelledRow] | None = None
    labelled_eval: Sequence[LabelledRow] | None = None
    batch_size: int | None = None
    num_epochs: float | None = None
    max_length: int | None = None
    tokenizer: ChatTokenizer | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its code, what it cannot do without (see MISSING), and its function."""

    code: str
    needs: tuple[str, ...]
    run: Callable[[CheckInput], Finding | None]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that could not be made, and in words what it needs."""

    code: str
    needs: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Findings, worst first; codes of the checks that ran; those that could not."""

    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    @property
    def faulty(self) -> bool:
        """Whether there is a warning or an error (exit code 1)."""
        return any(finding.severity != "info" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """JSON form: findings, ran, skipped as in the contract of ``diagnose``."""
        return {
            "findings": [finding.as_dict() for finding in self.findings],
            "ran": list(self.ran),
            "skipped": [asdict(one) for one in self.skipped],
        }


MISSING: dict[str, Callable[[CheckInput], bool]] = {
    "eval": lambda found: found.eval is None,
    "tokens": lambda found: found.labelled_train is None,
    "settings": lambda found: found.batch_size is None or found.num_epochs is None,
}
ORDER = {"error": 0, "warning": 1, "info": 2}
checks: Registry[Check] = Registry("checks")


def check(code: str, *needs: str) -> Callable[[Callable[[CheckInput], Finding | None]], Check]:
    """Decorator that registers a function as the check of that code."""

    def file(run: Callable[[CheckInput], Finding | None]) -> Check:
        return checks.register(code)(Check(code, needs, run))

    return file


def run_checks(found: CheckInput) -> CheckReport:
    """Make every check that can be made. Those that cannot are listed with what they need."""
    findings, ran, skipped = [], [], []
    for code, one in checks:
        missing = [need for need in one.needs if MISSING[need](found)]
        if missing:
            needs = "; ".join(say(f"data.needs.{need}") for need in missing)
            skipped.append(Skipped(code, needs))
            continue
        ran.append(code)
        finding = one.run(found)
        if finding is not None:
            findings.append(finding)
    findings.sort(key=lambda finding: ORDER[finding.severity])
    return CheckReport(tuple(findings), tuple(ran), tuple(skipped))


for _found in pkgutil.iter_modules(__path__):
    if not _found.name.startswith("_"):
        importlib.import_module(f"{__name__}.{_found.name}")

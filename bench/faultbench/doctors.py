"""What a doctor says of a log, in one form for ours and for the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from huohou.diagnose.engine import diagnose
from huohou.diagnose.rule import rules
from huohou.errors import DataError
from huohou.record.finding import Finding
from huohou.record.readers import read


@dataclass(frozen=True, slots=True)
class Call:
    """One thing a doctor said.

    codes: what it may mean, in our codes (ours means one, another's check may mean several);
    alarm: whether it is a warning or an error; firm: whether it is at least as severe as the rule
    usually is (a rule that is never more than information is firm as such), all that another's
    linter says; confidence: where one was stated.
    """

    codes: frozenset[str]
    alarm: bool
    firm: bool = True
    confidence: float | None = None
    said: str = ""


Doctor = Callable[[Path], Sequence[Call]]


def findings(path: Path) -> tuple[Finding, ...]:
    """Our findings on a log or the folder of one run; none where it cannot be read."""
    try:
        return diagnose(read(path)).findings
    except DataError:
        return ()


def ours(path: Path) -> list[Call]:
    """huohou on a log."""
    return [
        Call(frozenset({f.code}), f.severity != "info", _firm(f), f.confidence, f.code)
        for f in findings(path)
    ]


def ours_at_all(path: Path) -> list[Call]:
    """The same, with whatever is only information: as all is counted that another's linter says."""
    return [replace(call, firm=True) for call in ours(path)]


def _firm(finding: Finding) -> bool:
    usual = rules_by_code().get(finding.code, finding.severity)
    return usual == "info" or finding.severity != "info"


@cache
def rules_by_code() -> dict[str, str]:
    """The usual severity of each rule."""
    return {rule.code: rule.severity for rule in rules()}

"""One diagnosis. Plain data: made by checks and rules, read by everything that shows it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
Tier = Literal["log", "config", "data", "probe"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact a finding rests on: in words, and where it applies its step and its value.

    epoch: where a log has no steps; for charts, no part of the JSON form.
    """

    text: str
    step: int | None = None
    value: float | None = None
    epoch: float | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, in words; set: settings to change, ready to be put into a run file."""

    text: str
    set: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnosis.

    code: one of the codes of the design page, for ever; confidence: 0..1 where it has been
    calibrated, else None; reference: the source of the criterion.
    """

    code: str
    severity: Severity
    tier: Tier
    title: str
    why: str
    evidence: tuple[Evidence, ...] = ()
    advice: tuple[Advice, ...] = ()
    confidence: float | None = None
    reference: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON form, keys as in the contract."""
        plain = asdict(self)
        facts = [{k: v for k, v in fact.items() if k != "epoch"} for fact in plain["evidence"]]
        return plain | {"evidence": facts, "advice": list(plain["advice"])}

    @staticmethod
    def from_dict(raw: dict[str, Any]) -> "Finding":
        """A finding from its JSON form."""
        evidence = tuple(Evidence(**fact) for fact in raw.get("evidence", ()))
        advice = tuple(Advice(**one) for one in raw.get("advice", ()))
        return Finding(**{**raw, "evidence": evidence, "advice": advice})

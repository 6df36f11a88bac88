"""What is wanted of the doctor, and how far a scoring is from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.faultbench.figures import Share

Side = Literal["min", "max"]

# What is wanted, and where the figure stands in a scoring.
TARGETS: tuple[tuple[str, tuple[str, ...], Side, float], ...] = (
    ("faults detected", ("huohou", "detected"), "min", 0.90),
    ("macro-F1 by code", ("huohou", "macro_f1"), "min", 0.85),
    ("healthy and look-alike runs with a false alarm", ("huohou", "false_alarms"), "max", 0.02),
    ("calibration error", ("huohou", "calibration", "ece"), "max", 0.05),
    ("Brier skill", ("huohou", "calibration", "brier_skill"), "min", 0.0),
    ("AUROC of confidence", ("huohou", "calibration", "auroc"), "min", 0.80),
    ("repaired by our advice", ("repair",), "min", 0.80),
)
LEAD = 0.15  # by how much more of the faults we want to name than each public linter


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and its target. value: None where it was not measured; interval: of 95 %, where
    there is one."""

    words: str
    side: Side
    bound: float
    value: float | None
    interval: tuple[float, float] | None = None

    @property
    def met(self) -> bool:
        """Whether the figure is within its target."""
        return self.value is not None and self._within(self.value)

    @property
    def is_sure(self) -> bool:
        """Whether its whole interval is; without one, whether the figure is."""
        return self.met and all(map(self._within, self.interval or ()))

    def _within(self, value: float) -> bool:
        return value >= self.bound if self.side == "min" else value <= self.bound


def goals(told: Mapping[str, Any]) -> list[Goal]:
    """All targets with the figures of a scoring; the lead over each linter that was asked."""
    found = [Goal(words, side, bound, *_figure(at(told, path)))
             for words, path, side, bound in TARGETS]  # fmt: skip
    for name, each in (told.get("linters") or {}).items():
        found.append(Goal(f"lead over {name} in faults named", "min", LEAD, *_figure(each["lead"])))
    return found


def repaired(told: Mapping[str, Any]) -> Share:
    """How many of the runs that were trained again were sound then."""
    return Share(told["cured"], told["tried"])


def _figure(told: Any) -> tuple[float | None, tuple[float, float] | None]:
    if not isinstance(told, Mapping):
        return told, None
    if "tried" in told:
        share = repaired(told)
        return share.value, (share.low, share.high)
    return told["value"], (told["low"], told["high"])


def at(told: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """What stands at a path, None where it was not measured."""
    value: Any = told
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value

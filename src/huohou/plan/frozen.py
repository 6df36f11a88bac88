"""Everything a run will do, decided before it starts and frozen.

A plan is plain data with a JSON form (``plan.json``); the training process carries out nothing
else. What a plan needs from above (tokenised rows, a recipe's cost) is handed in.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from huohou.config import Setting

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class DataPart:
    """One data file of a plan: path, rows, tokens (all and trained), sha256 of its rows."""

    path: str
    format: str
    rows: int
    tokens: int
    trained_tokens: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Something decided for the user, and why."""

    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the run will cost, before it is paid.

    memory_bytes: peak resident (or device) memory; seconds: training with its evaluations;
    work_saved: part of the token computations that sharing prefixes leaves out, 0..1;
    checkpoint_bytes: space one checkpoint takes.
    """

    updates: int
    tokens_computed: int
    work_saved: float
    trainable_parameters: int
    total_parameters: int
    memory_bytes: int
    seconds: float
    checkpoint_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A frozen plan. settings: dotted name to value and source, in the order of the run file.

    findings: what the checks before training said, as JSON; fingerprint of model's tokenizer and
    template under ``template``.
    """

    name: str
    recipe: str
    model: str
    settings: dict[str, Setting]
    train: DataPart
    eval: DataPart | None
    device: Choice
    dtype: Choice
    template: str
    prediction: Prediction
    findings: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def value(self, name: str) -> Any:
        """Value of a setting by its dotted name, for example ``train.learning_rate``."""
        return self.settings[name].value

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    def save(self, path: Path) -> None:
        """Write plan.json; never over an existing one."""
        with path.open("x", encoding="utf-8") as out:
            json.dump(self.as_dict(), out, ensure_ascii=False, indent=1)

    @staticmethod
    def load(path: Path) -> "Plan":
        """Read a plan.json written by ``save``."""
        return Plan.of(json.loads(path.read_text(encoding="utf-8")))

    @staticmethod
    def of(raw: dict[str, Any]) -> "Plan":
        """The plan of a JSON form."""
        raw = dict(raw)
        raw["settings"] = {k: Setting(**v) for k, v in raw["settings"].items()}
        raw["train"] = DataPart(**raw["train"])
        raw["eval"] = DataPart(**raw["eval"]) if raw["eval"] else None
        raw["device"], raw["dtype"] = Choice(**raw["device"]), Choice(**raw["dtype"])
        raw["prediction"] = Prediction(**raw["prediction"])
        raw["findings"] = tuple(raw["findings"])
        return Plan(**raw)

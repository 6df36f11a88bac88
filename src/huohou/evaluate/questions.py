"""Which questions are asked: the plan's test, eval or train rows, or a file."""

import random
from dataclasses import dataclass
from pathlib import Path

from huohou.data.dataset import Dataset
from huohou.data.facts import FactTable, read_facts
from huohou.data.fingerprint import fingerprint_rows
from huohou.data.read import read_dataset
from huohou.errors import DataError, UsageError
from huohou.evaluate.role import Role, read_role
from huohou.plan import DataPart, Plan
from huohou.record.workspace import SCORECARD, slug

SETS = ("train", "eval", "test")


@dataclass(frozen=True, slots=True)
class Questions:
    """Rows to ask. on: train, eval, test or file; card: name of the scorecard they make."""

    dataset: Dataset
    on: str
    card: str


def choose(plan: Plan, on: str | None = None) -> Questions:
    """The rows that ``on`` names; None: the plan's test rows, else its eval rows.

    Raises UsageError where the plan has none, DataError for a file that cannot be read or is no
    longer the one that was trained on.
    """
    usual = "test" if plan.value("data.test") else "eval"
    wanted = on or usual
    card = Path(SCORECARD).stem
    if wanted not in SETS:
        path = Path(wanted)
        return Questions(_read(plan, path, None), "file", f"{card}-{slug(path.stem)}")
    part = {"train": plan.train, "eval": plan.eval, "test": None}[wanted]
    test = plan.value("data.test")
    if part is not None:
        dataset = _trained_on(plan, part)
    elif wanted == "test" and test:
        dataset = _read(plan, Path(test), plan.value("data.format"))
    else:
        raise UsageError("eval.no_questions", on=wanted)
    return Questions(dataset, wanted, card if wanted == usual else f"{card}-{wanted}")


def facts_of(plan: Plan) -> FactTable | None:
    """The plan's table of facts, None where it names none."""
    source = plan.value("data.facts")
    return read_facts(source) if source else None


def role_of(plan: Plan) -> Role | None:
    """The habits that the plan names, None where it names none. Raises ConfigError."""
    named = plan.settings.get("data.habits")  # runs of an older version have no such setting
    return read_role(Path(named.value)) if named is not None and named.value else None


def drawn(dataset: Dataset, limit: int | None, seed: int = 0) -> Dataset:
    """At most limit rows, drawn at random with a seed, in their order."""
    if limit is None or limit >= len(dataset):
        return dataset
    if limit < 1:
        raise UsageError("eval.bad_limit", limit=limit)
    chosen = sorted(random.Random(seed).sample(range(len(dataset)), limit))
    return Dataset(dataset.source, dataset.format, tuple(dataset.rows[i] for i in chosen))


def _read(plan: Plan, path: Path, format: str | None) -> Dataset:
    return read_dataset(path, format, system=plan.value("data.system"))


def _trained_on(plan: Plan, part: DataPart) -> Dataset:
    dataset = _read(plan, Path(part.path), part.format)
    if fingerprint_rows(dataset.rows) != part.fingerprint:
        raise DataError("eval.data_changed", path=part.path)
    return dataset

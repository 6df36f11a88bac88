"""Which models a run's search is held against: what it began with, and the stage before it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.data.pairs import PairSet, fingerprint_pairs, read_pairs
from huohou.errors import DataError, UsageError
from huohou.plan import DataPart, Plan
from huohou.probe.load import read_plan

if TYPE_CHECKING:
    from huohou.models.encoder import Encoder

RECIPES = ("embed", "align")
MODEL = "model"
TRAINED = "best_model"  # what stage 2 trained, whether or not it became the result
RELEASE = "release.json"


@dataclass(frozen=True, slots=True)
class Stage:
    """A run that made a model. folder: the job's; plan: what it was made by."""

    folder: Path
    plan: Plan

    @property
    def model(self) -> Path:
        """The model it left. Raises UsageError when there is none yet."""
        found = self.folder / MODEL
        if not (found / "config.json").is_file():
            raise UsageError("eval.no_model", folder=self.folder)
        return found

    @property
    def kept_stage_one(self) -> bool:
        """Whether a stage 2 was not shown to be better, so that its result is stage 1."""
        try:
            told = json.loads((self.folder / RELEASE).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return False
        return isinstance(told, dict) and told.get("chosen") == "stage1"


def stages(folder: Path) -> list[Stage]:
    """The runs that made a folder's model, the first one first: one, or both stages."""
    found = [Stage(folder, read_plan(folder))]
    before = Path(found[0].plan.model)
    if found[0].plan.recipe == "align" and (before.parent / "plan.json").is_file():
        earlier = read_plan(before.parent)
        if earlier.recipe in RECIPES:
            found = [*stages(before.parent), *found]
    return found


def score_of(plan: Plan) -> str:
    """How a run compares texts: by the score of its head, or by entities."""
    if plan.recipe == "align" and plan.value("align.score") != "sentence":
        return str(plan.value("align.score"))
    return str(plan.settings["embed.score"].value) if "embed.score" in plan.settings else "cosine"


def models_of(made: list[Stage], *, base: bool) -> Iterator[tuple[str, str, Plan]]:
    """System, model and the plan that says how it is read: the run's own model first.

    base: what the first stage began with as well. Raises UsageError for a run without a model.
    """
    last = made[-1]
    yield "retrieval", str(last.model), last.plan
    if base:
        yield "base", made[0].plan.model, made[0].plan
    if last.plan.recipe != "align":
        return
    yield "stage1", last.plan.model, last.plan
    best = last.folder / TRAINED
    shown = best if last.kept_stage_one and best.is_dir() else last.model
    yield "stage2", str(shown), last.plan


def encoder_of(system: str, model: str, plan: Plan, device: str) -> "Encoder":
    """A system's encoder as its run reads texts; the base of a run with a new head has that head
    as training found it, so that both are scored alike. Raises ModelError."""
    from huohou.models.encoder import load_encoder

    length = int(plan.value("train.max_length"))
    if system != "base" or plan.recipe != "embed" or plan.value("embed.head") == "none":
        return load_encoder(model, device=device, max_length=length)
    return _untrained(plan, device)


def _untrained(plan: Plan, device: str) -> "Encoder":
    """The new head on the base encoder, drawn as the run drew it."""
    import torch
    import transformers

    from huohou.recipes import embed

    with torch.random.fork_rng([]):
        transformers.set_seed(int(plan.value("train.seed")))
        return embed.encoder_of(plan).to(device)


def trained_pairs(made: list[Stage]) -> Iterator[PairSet]:
    """The pairs that each stage was trained on. Raises DataError where they have changed."""
    for stage in made:
        yield planned(stage.plan.train, "train")


def planned(part: DataPart, name: Any) -> PairSet:
    """Pairs of a plan. Raises DataError when they are not the planned ones."""
    found = read_pairs(Path(part.path), name, part.format)
    if fingerprint_pairs(found) != part.fingerprint:
        raise DataError("eval.data_changed", path=part.path)
    return found

"""What all steps of stage 2 go by: the plan, the model, the folder, and who is told."""

from dataclasses import dataclass
from pathlib import Path

from huohou.data.pairs import PairSet
from huohou.data.pairs.entities import coverage, with_entities
from huohou.errors import DataError
from huohou.models.encoder import Encoder, load_encoder
from huohou.plan import DataPart, Plan
from huohou.recipes.aligning.corpus import Corpus
from huohou.recipes.aligning.objective import Objective
from huohou.recipes.embedding import planned
from huohou.record.recorder import Recorder
from huohou.text import say

MAX_TOKENS = 4096  # with padding, of texts encoded at once


@dataclass(frozen=True, slots=True)
class Stage:
    """encoder: that of stage 1, trained in place; max_tokens: of texts encoded at once."""

    plan: Plan
    folder: Path
    recorder: Recorder
    encoder: Encoder
    max_tokens: int

    def number(self, name: str) -> int:
        """A setting that is a whole number."""
        return int(self.plan.value(name))

    @property
    def score(self) -> str:
        """How texts are compared: one of ``similarity.SCORES``."""
        return str(self.plan.value("align.score"))

    @property
    def objective(self) -> Objective:
        """What is minimised."""
        value = self.plan.value
        margin, scale = float(value("align.margin")), float(value("embed.scale"))
        return Objective(value("align.mode"), margin, scale)

    def corpus(self, pairs: PairSet) -> Corpus:
        """Pairs in tokens. Raises DataError where no text has an entity and they are scored."""
        if self.score != "sentence":
            found = coverage(pairs)
            if not found.pairs_with:
                raise DataError("align.no_entities", path=pairs.source)
            told = {"n": found.pairs_with, "of": found.pairs, "path": pairs.source}
            self.recorder.log(say("align.entities", share=f"{100 * found.share:.0f}", **told))
        return Corpus.of(self.encoder, pairs, self.score, self.max_tokens)


def stage_one(plan: Plan) -> Encoder:
    """The encoder that stage 1 left."""
    length = int(plan.value("train.max_length"))
    return load_encoder(plan.model, device=plan.device.value, max_length=length)


def planned_pairs(part: DataPart, name: str, plan: Plan) -> PairSet:
    """The pairs of the plan, with entities where they are scored.

    Raises DataError when the file is not the planned one.
    """
    pairs = planned.planned_pairs(part, name)
    return pairs if plan.value("align.score") == "sentence" else with_entities(pairs)

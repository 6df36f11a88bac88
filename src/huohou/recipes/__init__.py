"""Kinds of training. Each recipe reads from top to bottom in its own file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.registry import Registry

if TYPE_CHECKING:
    from huohou.plan import Outlook, Plan
    from huohou.plan.make import Reads, Subject
    from huohou.plan.pairs import PairSubject
    from huohou.record.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Start:
    """Where and how a process life of a job begins.

    checkpoint: whole checkpoint to go on from; weights_only: begin a new run from its weights,
    with a new optimizer and schedule. max_tokens, recompute: smaller than planned, after a life
    that lacked memory.
    """

    checkpoint: Path | None = None
    weights_only: bool = False
    max_tokens: int | None = None
    recompute: bool = False


# run(plan, folder, recorder, should_stop, start): carry out the plan in the job's folder.
Run = Callable[["Plan", Path, "Recorder", Callable[[], bool], Start], None]
# predict(subject): what carrying it out will cost.
Predict = Callable[[Any], "Outlook"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A kind of training: run carries out a plan, predict says what one will cost; reads:
    conversations (rows), or pairs for retrieval."""

    run: Run
    predict: Predict
    reads: "Reads" = "rows"


recipes: Registry[Recipe] = Registry("recipes")


# Recipes are filed by thin functions: their names are known without importing torch.
def _run_sft(
    plan: "Plan",
    folder: Path,
    recorder: "Recorder",
    should_stop: Callable[[], bool],
    start: Start,
) -> None:
    from huohou.recipes import sft

    sft.run(plan, folder, recorder, should_stop, start)


def _predict_sft(subject: "Subject") -> "Outlook":
    from huohou.recipes import cost

    return cost.predict(subject)


recipes.register("sft")(Recipe(_run_sft, _predict_sft))


def _run_embed(
    plan: "Plan",
    folder: Path,
    recorder: "Recorder",
    should_stop: Callable[[], bool],
    start: Start,
) -> None:
    from huohou.recipes import embed

    embed.run(plan, folder, recorder, should_stop, start)


def _predict_embed(subject: "PairSubject") -> "Outlook":
    from huohou.recipes.embedding import cost

    return cost.predict(subject)


recipes.register("embed")(Recipe(_run_embed, _predict_embed, "pairs"))


def _run_align(
    plan: "Plan",
    folder: Path,
    recorder: "Recorder",
    should_stop: Callable[[], bool],
    start: Start,
) -> None:
    from huohou.recipes import align

    align.run(plan, folder, recorder, should_stop, start)


def _predict_align(subject: "PairSubject") -> "Outlook":
    from huohou.recipes.aligning import cost

    return cost.predict(subject)


recipes.register("align")(Recipe(_run_align, _predict_align, "pairs"))

"""Kinds of training. Each recipe reads from top to bottom in its own file."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.machine import importing
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


# Recipes are filed by the names of their modules: they are known without importing torch.
def _recipe(module: str, cost: str, reads: "Reads" = "rows") -> Recipe:
    def run(
        plan: "Plan",
        folder: Path,
        recorder: "Recorder",
        should_stop: Callable[[], bool],
        start: Start,
    ) -> None:
        with importing():
            recipe = import_module(module)
        recipe.run(plan, folder, recorder, should_stop, start)

    def predict(subject: "Subject | PairSubject") -> "Outlook":
        with importing():
            costs = import_module(cost)
        found: Outlook = costs.predict(subject)
        return found

    return Recipe(run, predict, reads)


recipes.register("sft")(_recipe("huohou.recipes.sft", "huohou.recipes.cost"))
recipes.register("embed")(_recipe("huohou.recipes.embed", "huohou.recipes.embedding.cost", "pairs"))
recipes.register("align")(_recipe("huohou.recipes.align", "huohou.recipes.aligning.cost", "pairs"))

"""Plans. Nothing heavy is imported early."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from huohou import config
from huohou.api.common import find_run, need_extra
from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.plan import Plan


def make_plan(run_file: Path | None = None, flags: Sequence[str] = ()) -> "Plan":
    """Decide everything a run will do, without starting it.

    run_file: a YAML run file; flags: ``key=value`` with dotted keys, stronger than the file. Of
    recipe align the model may be a run of stage 1: then it is the model that this run made.
    Raises ConfigError, DataError, ModelError, MissingExtraError.
    """
    settings = stage_one(config.load(run_file, flags))
    need_extra("train", "torch", "transformers", "peft")
    from huohou import plan
    from huohou.recipes import recipes

    recipe = recipes.get(settings.run.recipe)
    return plan.make_plan(settings, recipe.predict, recipe.reads)


def stage_one(settings: config.Settings) -> config.Settings:
    """Settings whose model, where it is a run in recipe align, is the model which that run made.

    Folders and bundled models come first. Raises UsageError for a run that has made none.
    """
    from huohou.models.bundled import BUNDLED

    run = settings.run
    if run.recipe != "align" or run.model in BUNDLED or settings.path(run.model).is_dir():
        return settings
    try:
        found = find_run(run.model)
    except UsageError:
        return settings  # a hub id, or a name that the plan will say is none
    folder = found.folder / "model"
    if not folder.is_dir():
        raise UsageError("align.stage1_unfinished", id=found.job.id, name=found.job.name)
    return replace(settings, run=run.model_copy(update={"model": str(folder.resolve())}))

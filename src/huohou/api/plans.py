"""Plans. Nothing heavy is imported early."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from huohou import config
from huohou.api.common import need_extra

if TYPE_CHECKING:
    from huohou.plan import Plan


def make_plan(run_file: Path | None = None, flags: Sequence[str] = ()) -> "Plan":
    """Decide everything a run will do, without starting it.

    run_file: a YAML run file; flags: ``key=value`` with dotted keys, stronger than the file.
    Raises ConfigError, DataError, ModelError, MissingExtraError.
    """
    settings = config.load(run_file, flags)
    need_extra("train", "torch", "transformers", "peft")
    from huohou import plan
    from huohou.recipes import recipes

    return plan.make_plan(settings, recipes.get(settings.run.recipe).predict)

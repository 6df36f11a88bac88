"""This machine, and something to start from. Nothing heavy is imported early."""

from pathlib import Path
from typing import Any


def env() -> dict[str, Any]:
    """The facts of this machine for a bug report: the document of `env --json`."""
    import os

    from huohou import machine, models
    from huohou.record import workspace

    return {
        "schema": 1,
        **machine.facts(workspace.home(), models.cache_folder(), os.environ),
        "models": models.bundled_ready(),
        **models.survey(),
    }


def init(folder: Path, template: str = "sft") -> dict[str, Any]:
    """Write a run file and example data to start from; never over a file that is there.

    template: sft, embed or facts. Gives the files written and the commands to go on with.
    Raises UsageError when a file is there already, or the template is not known.
    """
    from huohou import starter
    from huohou.recipes import recipes

    return {"schema": 1, **starter.start(folder, template, [name for name, _ in recipes])}

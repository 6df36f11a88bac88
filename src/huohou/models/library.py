"""The libraries beneath: kept quiet, and quoted briefly."""

from typing import Any


def quiet() -> None:
    """No bars of transformers' own between our lines."""
    from transformers.utils import logging

    bars: Any = logging
    bars.disable_progress_bar()


def first_line(error: BaseException) -> str:
    """The first line of what a library says, which is the one that says what is wrong."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

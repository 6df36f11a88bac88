"""The libraries beneath: kept quiet, and quoted briefly."""

import os
from typing import Any

from huohou.errors import first_line


def quiet() -> None:
    """No bars and tables of transformers' own between our lines: we say what matters of them."""
    import transformers.utils.logging

    logging: Any = transformers.utils.logging
    logging.disable_progress_bar()
    if "TRANSFORMERS_VERBOSITY" not in os.environ:
        logging.set_verbosity_error()


def quiet_hub() -> None:
    """No bars of the hub's own: ours tell the time that is left."""
    import huggingface_hub.utils

    bars: Any = huggingface_hub.utils
    bars.disable_progress_bars()


def root_of(error: BaseException) -> str:
    """What is at the bottom of a chain of errors: "Connection refused", not the pool's story."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return first_line(error)

"""torchtune's loggers: ``Step 1 | loss:1.52 lr:0.0003 tokens_per_second_per_gpu:812.3``.

Its progress bar says the same in short and is read where there is nothing else:
``1|25|Loss: 1.2345: 100%|...`` (epoch, step).
"""

import re

from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import canonical, number
from huohou.record.readers._source import Source
from huohou.record.readers._text import NUMBER, Match, Row, collected, record
from huohou.record.record import Record

_STEP = re.compile(r"\bStep (\d{1,15}) \| ([^\n\r]{0,4000})")
_FIRST = re.compile(r"\bStep \d{1,15} \| [\w/.-]{1,80}:\S")
_BAR = re.compile(rf"\b\d{{1,9}}\|(\d{{1,15}})\|Loss: ({NUMBER})(?=[:\s])", re.IGNORECASE)


def read_torchtune(source: Source) -> Record:
    """Read a torchtune log. Raises DataError when there is no step in it."""
    found = collected(source.plain, _STEP, _logged)
    if not found.end:
        found = collected(source.plain, _BAR, _Shown())
    return record(source, "torchtune", found, {})


def _logged(match: Match) -> Row | None:
    values = {}
    for pair in match[2].split():
        name, _, written = pair.partition(":")
        value = number(written)
        if value is not None:
            values[canonical(name)] = value
    return Row(values, int(match[1])) if values else None


class _Shown:
    """The bar is drawn again and again: the first drawing of each step counts."""

    def __init__(self) -> None:
        self._step = ""

    def __call__(self, match: Match) -> Row | None:
        drawn, self._step = self._step, match[1]
        return None if drawn == match[1] else Row({"loss": float(match[2])}, int(match[1]))


def _recognises(source: Source) -> bool:
    if not source.is_text:
        return False
    text = source.sample
    bar = "|Loss: " in text and _BAR.search(text)
    return bool(bar or (" | " in text and "Step " in text and _FIRST.search(text)))


readers.register("torchtune")(Reader(_recognises, read_torchtune, ("log_*.txt",), rank=60))

"""nanochat: ``step 00001/21400 (0.00%) | loss: 5.47 | lrm: 1.00 | dt: 5.71ms | ...``.

``lrm`` is the share of the learning rate that the schedule gives. Evaluations are lines of their
own: ``Step 00250 | Validation bpb: 1.0311``.
"""

import re
from typing import Any

from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import canonical, number
from huohou.record.readers._source import Source
from huohou.record.readers._text import Match, Row, collected, record
from huohou.record.record import Record

_LINE = re.compile(
    r"\b[Ss]tep (\d{1,15})(?:/(\d{1,15}))? (?:\([\d.]{1,10}%\) )?\| ([A-Za-z][^\n\r]{1,1000})"
)
_FIRST = re.compile(
    r"\bstep \d{1,15}(?:/\d{1,15})? \([\d.]{1,10}%\) \| loss: |\bStep \d{1,15} \| Validation bpb: "
)
_NAMES = {"Validation bpb": "eval_bpb", "lrm": "lr_multiplier"}
_SKIPPED = {"dt", "mfu", "epoch", "total time", "tok/sec", "bf16_mfu", "eta"}


def read_nanochat(source: Source) -> Record:
    """Read a log of nanochat. Raises DataError when there is no value in it."""
    facts: dict[str, Any] = {}

    def row(match: Match) -> Row | None:
        if match[2]:
            facts["max_steps"] = int(match[2])
        values = _values(match[3])
        return Row(values, int(match[1])) if values else None

    found = collected(source.plain, _LINE, row)
    return record(source, "nanochat", found, facts | _facts(source.plain[: 1 << 18]))


def _values(text: str) -> dict[str, float]:
    values = {}
    for part in text.split(" | "):
        name, sign, written = part.partition(": ")
        if sign and name not in _SKIPPED and (value := number(written.strip())) is not None:
            values[_NAMES.get(name) or canonical(name)] = value
    return values


_SETTINGS = (
    (re.compile(r"'vocab_size': (\d{1,9})\b"), "vocab_size"),
    (re.compile(r"\bdevice_batch_size=(\d{1,9})\b"), "batch_size"),
    (re.compile(r"gradient accumulation steps: (\d{1,9})\b"), "gradient_accumulation"),
    (re.compile(r"Training mixture: ([\d,]{1,15}) rows"), "rows"),
)


def _facts(head: str) -> dict[str, Any]:
    found = ((name, pattern.search(head)) for pattern, name in _SETTINGS)
    return {name: int(match[1].replace(",", "")) for name, match in found if match}


def _recognises(source: Source) -> bool:
    text = source.sample if source.is_text else ""
    return "tep " in text and _FIRST.search(text) is not None


readers.register("nanochat")(Reader(_recognises, read_nanochat, rank=59))

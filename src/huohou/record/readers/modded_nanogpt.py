"""modded-nanoGPT: ``step:125/1390 val_loss:4.51 train_time:76628ms step_avg:613.02ms``.

``step_avg:nanms`` is a time that is not there yet, no loss that is not a number. Forks put the
tokens seen between step and loss and call the training loss ``avg_train_loss``.
"""

import re
from typing import Any

from huohou.record.readers import Reader, readers
from huohou.record.readers._source import Source
from huohou.record.readers._text import NUMBER, Match, Row, collected, record
from huohou.record.record import Record

_LINE = re.compile(r"\bstep:(\d{1,15})/(\d{1,15})\b([^\n\r]{0,2000})")
_LOSS = re.compile(rf"\b((?:avg_)?train_loss|val_loss|loss): ?({NUMBER})", re.IGNORECASE)
_NAMES = {"val_loss": "eval_loss"}
_FACTS = (
    (re.compile(r"^Tokenizer vocab size: *(\d{1,15})", re.MULTILINE), "vocab_size"),
    (re.compile(r"^Batch Size \(device\): *(\d{1,15})", re.MULTILINE), "batch_size"),
    (re.compile(r"^Batch Size \(global\): *(\d{1,15})", re.MULTILINE), "total_batch_size"),
)


def read_modded_nanogpt(source: Source) -> Record:
    """Read a log of modded-nanoGPT. Raises DataError when there is no loss in it."""
    facts: dict[str, Any] = {}

    def row(match: Match) -> Row | None:
        losses = _LOSS.findall(match[3])
        if not losses:
            return None
        facts["max_steps"] = int(match[2])
        return Row({_NAMES.get(name, "loss"): float(v) for name, v in losses}, int(match[1]))

    found = collected(source.plain, _LINE, row)
    head = source.plain[: 1 << 20]
    for pattern, name in _FACTS:
        if match := pattern.search(head):
            facts[name] = int(match[1])
    return record(source, "modded-nanogpt", found, facts)


def _recognises(source: Source) -> bool:
    if not source.is_text or "step:" not in source.sample:
        return False
    lines = _LINE.finditer(source.sample)
    return any(_LOSS.search(line[3]) for line, _ in zip(lines, range(50), strict=False))


readers.register("modded-nanogpt")(Reader(_recognises, read_modded_nanogpt, rank=60))

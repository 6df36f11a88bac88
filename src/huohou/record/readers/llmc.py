"""llm.c: its ``main.log`` (``s:0 tel:11.0``, ``s:1 trl:5.6 lr:0.0001 norm:1.2``) and its console.

``+nanz`` on the console is a z-score that is not there yet, no loss that is not a number.
"""

import re
from typing import Any

from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import number, whole
from huohou.record.readers._source import Source
from huohou.record.readers._text import NUMBER, Match, Row, collected, record
from huohou.record.record import Record

_LOG = re.compile(r"\ns:(\d{1,15}) ((?:tel|trl|eval):[^\n]{1,200})")
_NAMES = {
    "tel": "eval_loss",
    "trl": "loss",
    "eval": "eval_accuracy",
    "lr": "learning_rate",
    "norm": "grad_norm",
}
_CONSOLE = re.compile(
    rf"step +(\d{{1,15}})(?:/(\d{{1,15}}))?(?: \||:) (?:train )?loss +({NUMBER})([^\n]{{0,200}})"
    rf"|(val) loss +({NUMBER})(?!\S)",
    re.IGNORECASE,
)
_MORE = re.compile(rf"\b(norm|lr) +({NUMBER})", re.IGNORECASE)
_OWN = re.compile(r"(?:\btok/s\b|\bms, | \(took )")
_TABLE = re.compile(r"^\| ([a-zA-Z][\w ()]{0,40}?) +\| +(\S{1,60}) +\|", re.MULTILINE)
_FACTS = {
    "train_num_batches": "max_steps",
    "vocab_size V": "vocab_size",
    "micro batch size B": "batch_size",
    "learning rate (LR)": "learning_rate",
    "warmup iterations": "warmup_steps",
    "val_loss_every": "eval_steps",
}


def read_llmc(source: Source) -> Record:
    """Read a log of llm.c. Raises DataError when there is no loss in it."""
    text = source.plain
    found = collected("\n" + text, _LOG, _logged)
    if found.end:
        return record(source, "llm.c", found, {})
    facts = _facts(text)
    found = collected(text, _CONSOLE, _Console(facts))
    return record(source, "llm.c", found, facts)


def _logged(match: Match) -> Row:
    pairs = (pair.partition(":") for pair in match[2].split())
    values = {
        _NAMES[name]: value
        for name, _, written in pairs
        if name in _NAMES and (value := number(written)) is not None
    }
    return Row(values, int(match[1]))


class _Console:
    """An evaluation is printed before the step it belongs to, without its number."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        self._step = 0

    def __call__(self, match: Match) -> Row:
        step, planned, loss, rest, held_out, eval_loss = match.groups()
        if held_out:
            return Row({"eval_loss": float(eval_loss)}, self._step)
        self._step = int(step)
        if planned:
            self._facts["max_steps"] = int(planned)
        more = {_NAMES[name.lower()]: float(value) for name, value in _MORE.findall(rest)}
        return Row({"loss": float(loss)} | more, self._step)


def _facts(text: str) -> dict[str, Any]:
    """Settings from the table at the head."""
    facts: dict[str, Any] = {}
    for name, written in _TABLE.findall(text[: 1 << 16]):
        if name in _FACTS and (value := number(written)) is not None:
            plain = whole(value)
            facts[_FACTS[name]] = value if plain is None else plain
    return facts


def _recognises(source: Source) -> bool:
    if not source.is_text:
        return False
    text = source.sample
    if (" trl:" in text or " tel:" in text) and _LOG.search("\n" + text):
        return True
    first = _CONSOLE.search(text) if "loss " in text and "step " in text else None
    return first is not None and _OWN.search(text, first.start(), first.end() + 2000) is not None


readers.register("llm.c")(Reader(_recognises, read_llmc, ("main.log",), rank=60))

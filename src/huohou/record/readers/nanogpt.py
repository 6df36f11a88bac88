"""nanoGPT: ``step 250: train loss 1.9143, val loss 2.0356`` and ``iter 0: loss 4.2639, time ...``.

The training loss of a ``step`` line is a mean over training batches in evaluation mode: it has the
name ``train_loss_at_eval``, and is taken as ``loss`` where there are no ``iter`` lines.
"""

import re
from math import prod
from typing import Any

from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import number
from huohou.record.readers._source import Source
from huohou.record.readers._text import NUMBER, Match, Row, collected, record
from huohou.record.record import Record

_LINE = re.compile(
    rf"step (\d{{1,15}}): train loss ({NUMBER}), val loss ({NUMBER})"
    rf"|iter (\d{{1,15}}): loss ({NUMBER}), time ",
    re.IGNORECASE,
)
_ITER = re.compile(rf"iter \d{{1,15}}: loss {NUMBER}, time ", re.IGNORECASE)
_STEP = re.compile(rf"step \d{{1,15}}: train loss {NUMBER}, val loss {NUMBER}", re.IGNORECASE)
# "max_iters = 5000" of a file of settings that is printed, "Overriding: max_iters = 5000".
_SETTING = re.compile(
    r"^(?:Overriding: )?(max_iters|batch_size|gradient_accumulation_steps|learning_rate|grad_clip"
    r"|warmup_iters|eval_interval|log_interval|dtype) = ([^#\n]{1,40})",
    re.MULTILINE,
)
_VOCABULARY = re.compile(r"\bfound vocab_size = (\d{1,15})|vocab_size of GPT-2 to (\d{1,15})")
_FACTS = {
    "max_iters": "max_steps",
    "batch_size": "batch_size",
    "gradient_accumulation_steps": "gradient_accumulation",
    "learning_rate": "learning_rate",
    "grad_clip": "max_grad_norm",
    "warmup_iters": "warmup_steps",
    "eval_interval": "eval_steps",
    "log_interval": "logging_steps",
}
_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def read_nanogpt(source: Source) -> Record:
    """Read a log of nanoGPT. Raises DataError when there is no loss in it."""
    text = source.plain
    at_eval = "train_loss_at_eval" if _ITER.search(text) else "loss"

    def row(match: Match) -> Row:
        step, train, held_out, iteration, loss = match.groups()
        if step:
            return Row({at_eval: float(train), "eval_loss": float(held_out)}, int(step))
        return Row({"loss": float(loss)}, int(iteration))

    found = collected(text, _LINE, row)
    return record(source, "nanogpt", found, _facts(text[: 1 << 16]))


def _facts(head: str) -> dict[str, Any]:
    """Settings printed before the first step."""
    facts: dict[str, Any] = {}
    for name, written in _SETTING.findall(head):
        if name == "dtype":
            facts["dtype"] = _DTYPES.get(written.strip(" '\"\r"), written.strip(" '\"\r"))
        elif (value := _product(written)) is not None:
            facts[_FACTS[name]] = value
    if found := _VOCABULARY.search(head):
        facts["vocab_size"] = int(found[1] or found[2])
    if "Resuming training from " in head:
        facts["resumed"] = True
    return facts


def _product(written: str) -> float | int | None:
    """A number, also one written as a product: "5 * 8"."""
    factors = [number(part.strip()) for part in written.split("*")]
    if any(factor is None for factor in factors):
        return None
    value = prod(factor for factor in factors if factor is not None)
    return int(value) if value == value // 1 else value


def _recognises(source: Source) -> bool:
    text = source.sample if source.is_text else ""
    return (": train loss " in text and _STEP.search(text) is not None) or (
        ", mfu " in text and _ITER.search(text) is not None
    )


readers.register("nanogpt")(Reader(_recognises, read_nanogpt, rank=60))

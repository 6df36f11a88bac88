"""Lines that tell of one epoch or step: "Epoch 12/175: train loss 0.0008, val loss 0.2".

The grammar that the reader of such logs and the reader of reports share. It reads what a line
measured; a number with "~", "<" or a range is no measurement, and neither is "0.31 -> 0.27".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from huohou.record.readers._rows import canonical

LONGEST = 1000  # characters of a line that is looked at

_WHOLE = r"(\d{1,3}(?:,\d{3})+(?![\d,])|\d+)"
_OF = r"(?:\s{0,3}(?:/|of)\s{0,3}(\d{1,12}))?"
_EPOCH = re.compile(
    r"(?:\b(?:epochs?|ep)(?![^\W\d_])|第)\s{0,4}[:：=#]?\s{0,4}[\[(]?\s{0,3}(\d+(?:\.\d+)?)" + _OF,
    re.IGNORECASE,
)
_STEP = re.compile(
    r"(?:(?<![/\w])(?:global[_ ])?(?:steps?|iter(?:ation)?s?|updates?|batch)(?![^\W\d_])|步)"
    r"\s{0,4}[:：=#]?\s{0,4}[\[(]?\s{0,3}" + _WHOLE + _OF,
    re.IGNORECASE,
)
_WITHIN = re.compile(r"[|\[]\s{0,4}(\d{1,12})/\s{0,3}(\d{1,12})(?: batches| \()")
_NUMBER = (
    r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d{1,4})?|\.\d+(?:[eE][-+]?\d{1,4})?"
    r"|(?i:nan|inf(?:inity)?))"
)
_WORD = r"[^\W\d][\w.@%-]{0,30}"
_PAIR = re.compile(
    rf"(?<![\w.])({_WORD}(?: {_WORD}){{0,2}})(\s{{0,3}}[:：=]\s{{0,4}}|\s{{1,4}})({_NUMBER})"
    r"(?:\s?/\s?(\d+))?(\s?%)?(?![\w.~/]|-\d|\s{0,2}(?:->|→|~|–|至|到))"
)
_SPLIT = re.compile(
    r"(?<![^\W\d_])(?:(?P<train>train(?:ing)?)|val(?:id)?(?:ation)?|eval(?:uation)?|dev|test)"
    r"(?![^\W\d_])|(?P<zh>训练)|验证|测试|评估",
    re.IGNORECASE,
)
_FILLING = re.compile(
    r"^(?:(?:the|average|avg|mean|running|current|cur|total|final|epoch|step|batch|and|vs|info)"
    r"[ _.]+)+"
)
_SHORT = {"acc": "accuracy", "eval_acc": "eval_accuracy", "gradnorm": "grad_norm"}
_SCORES = ("acc", "f1", "precision", "recall", "auc", "mrr", "ndcg", "ppl", "perplexity", "reward")
_NO_VALUE = re.compile(
    r"^(?:eval_)?(?:epochs?|ep|steps?|iters?|iterations?|batch|time|eta|elapsed|took|v_num|it|s|ms)$"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. epoch, step: as written; epochs, steps: what they are counted to; values: by the
    names of a Record; held_out: whether the line names another split than training."""

    values: Mapping[str, float]
    epoch: float | None = None
    epochs: int | None = None
    step: int | None = None
    steps: int | None = None
    held_out: bool = False


def entry(text: str) -> Entry | None:
    """What a line measured; None where it tells of no loss and no score.

    >>> entry("Epoch 12/175: train loss 0.0008, val loss 0.2").values
    {'loss': 0.0008, 'eval_loss': 0.2}
    >>> entry("[step 200] val loss: 1.6379").step
    200
    >>> entry("Epoch 1: ~1.0-1.2, loss < 0.3") is None
    True
    """
    if len(text) > LONGEST or not tells(text):
        return None
    epoch, step = _EPOCH.search(text), _STEP.search(text)
    values = _values(text)
    if not values:
        return None
    within = _WITHIN.search(text) if step is None else step
    return Entry(
        values,
        float(epoch[1]) if epoch else None,
        int(epoch[2]) if epoch and epoch[2] else None,
        int(within[1].replace(",", "")) if within else None,
        int(within[2]) if within and within[2] else None,
        all(name.startswith("eval_") for name in values),
    )


def tells(text: str) -> bool:
    """Whether a line may tell of a loss or a score; quick."""
    return "oss" in text or "OSS" in text or "损失" in text or "cc" in text or "eward" in text


def _values(text: str) -> dict[str, float]:
    """Names and numbers; empty where none of them is a loss or a score."""
    values: dict[str, float] = {}
    telling, held_out, end = False, False, 0
    for match in _PAIR.finditer(text):
        written, sign, digits, of, percent = match.groups()
        name, known = meaning(written)
        for split in _SPLIT.finditer(text, end, match.start()):
            held_out = not (split["train"] or split["zh"])
        end = match.end()
        if not name or (not known and sign.isspace()):
            continue
        if held_out and not name.startswith("eval_"):
            name = f"eval_{name}"
        value = float(digits)
        if of and int(of) and known:
            value /= int(of)
        elif percent and not name.endswith("loss"):
            value = round(value / 100, 12)
        telling |= known and not name.endswith(("learning_rate", "grad_norm"))
        values.setdefault(name, value)
    return values if telling else {}


@lru_cache(maxsize=4096)
def meaning(written: str) -> tuple[str, bool]:
    """The name a written name has in a Record, empty where it names no value, and whether it is
    one that is known.

    >>> meaning("Average Val. Loss"), meaning("lr"), meaning("eta")
    (('eval_loss', True), ('learning_rate', True), ('', False))
    """
    plain = _FILLING.sub("", written.strip().lower()).replace("集损失", "损失")
    name = canonical(plain).removeprefix("train_")
    name = _SHORT.get(name, name)
    if _NO_VALUE.match(name):
        return "", False
    known = name in ("learning_rate", "grad_norm") or name.endswith("loss")
    scored = any(score in name for score in _SCORES) or name.startswith("loss_")
    return name, (known or scored) and not name.startswith("time_") and "scale" not in name

"""Lines that tell of one epoch or step: "Epoch 12/175: train loss 0.0008, val loss 0.2".

The grammar that the reader of such logs and the reader of reports share. It reads what a line
measured; a number with "~", "<" or a range is no measurement, and neither is "0.31 -> 0.27".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from huohou.record.readers._rows import canonical

LONGEST = 1000  # characters of a line that is looked at

_WHOLE = r"(\d{1,3}(?:,\d{3}){1,4}(?![\d,])|\d{1,15}(?!\d))"
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
    r"(?:\s?/\s?(\d{1,15}))?(\s?%)?(?![\w.~/]|-\d|\s{0,2}(?:->|→|~|–|至|到))"
)
# Numbers of a line's shape: one that is written as a whole number stays one, and only a value
# may have a sign. None is so long that it would not be read where it stands for a step.
_SIGN = r"(?:(?<![\w.])[-+])?"
_WHOLE_TOKEN = r"(?<![\d.])\d{1,12}(?![\d.eE])"
_TOKEN = re.compile(
    rf"{_WHOLE_TOKEN}|{_SIGN}\d+(?:\.\d+)?(?:[eE][-+]?\d{{1,4}})?"
    rf"|{_SIGN}(?<![^\W_])(?i:nan|inf)(?![^\W_])"
)
_DECIMAL = r"(?<!\d)\d{1,12}(?:\.\d+(?:[eE][-+]?\d{1,4})?|[eE][-+]?\d{1,4})(?![\d.eE])"
_NO_DIGITS = r"(?<![^\W_])(?i:nan|inf)(?![^\W_])"
# A number that names a place, a value, or nothing that is read: how it may be written.
_KINDS = {
    "place": (_WHOLE_TOKEN, r"(?<!\d)\d{1,12}\.\d+(?![\d.eE])"),
    "value": (f"{_SIGN}{_WHOLE_TOKEN}", f"{_SIGN}(?:{_DECIMAL}|{_NO_DIGITS})"),
    "": (_WHOLE_TOKEN, _DECIMAL, _NO_DIGITS),
}
_SPACE = re.compile(r"\s+")
_SHAPES = 6  # kinds of lines of one log
_ROLES = ("epoch", "epochs", "step", "steps")  # no value has such a name
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


class Entry(NamedTuple):
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
    parsed = _parsed(text)
    return parsed[0] if parsed else None


class Entries:
    """``entry`` for the lines of one log: a line that differs from an earlier one in its numbers
    only is read by what was found out about that one, several times as fast."""

    def __init__(self) -> None:
        self._shapes: list[_Shape] = []

    def entry(self, text: str) -> Entry | None:
        """What a line measured."""
        if len(text) > LONGEST or not tells(text):
            return None
        for i, shape in enumerate(self._shapes):
            if found := shape.entry(text):
                if i:
                    self._shapes.insert(0, self._shapes.pop(i))
                return found
        parsed = _parsed(text)
        if parsed is None:
            return None
        if new := _Shape.of(text, *parsed):
            self._shapes = [new, *self._shapes[: _SHAPES - 1]]
        return parsed[0]


class _Number(NamedTuple):
    """Where a number begins, how it is written, and whether it is in percent."""

    start: int
    written: str
    percent: bool = False


@dataclass(frozen=True, slots=True)
class _Shape:
    """A line but for its numbers. places: which number is the epoch, the epochs, the step and the
    steps; values: name, which number, whether it is in percent."""

    pattern: re.Pattern[str]
    places: tuple[int | None, int | None, int | None, int | None]
    values: tuple[tuple[str, int, bool], ...]
    held_out: bool

    @classmethod
    def of(cls, text: str, told: Entry, roles: Mapping[str, _Number]) -> "_Shape | None":
        """The shape of a line; None where its numbers do not stand as plainly as they must."""
        found = list(_TOKEN.finditer(text))
        tokens = {(token.start(), token[0]): i for i, token in enumerate(found)}
        which = {
            role: i
            for role, at in roles.items()
            if (i := tokens.get((at.start, at.written))) is not None
        }
        use = {i: "place" if role in _ROLES else "value" for role, i in which.items()}
        kinds = [_kind(token[0], use.get(i, "")) for i, token in enumerate(found)]
        if None in kinds or len(which) < len(roles):
            return None
        between = [r"\s+".join(map(re.escape, _SPACE.split(part))) for part in _TOKEN.split(text)]
        parts = zip_longest(between, kinds, fillvalue="")
        pattern = re.compile("".join(f"{part}{kind}" for part, kind in parts))
        epoch, epochs, step, steps = (which.get(role) for role in _ROLES)
        values = tuple((name, which[name], roles[name].percent) for name in told.values)
        return cls(pattern, (epoch, epochs, step, steps), values, told.held_out)

    def entry(self, text: str) -> Entry | None:
        """What a line of this shape measured; None where it has another."""
        match = self.pattern.fullmatch(text)
        if match is None:
            return None
        written = match.groups()
        epoch, epochs, step, steps = self.places
        try:
            return Entry(
                {
                    name: round(float(written[i]) / 100, 12) if percent else float(written[i])
                    for name, i, percent in self.values
                },
                None if epoch is None else float(written[epoch]),
                None if epochs is None else int(written[epochs]),
                None if step is None else int(written[step]),
                None if steps is None else int(written[steps]),
                self.held_out,
            )
        except ValueError:  # a step of 1.5
            return None


def _kind(token: str, use: str) -> str | None:
    """The pattern of numbers that are written as this one is."""
    return next((f"({kind})" for kind in _KINDS[use] if re.fullmatch(kind, token)), None)


def _parsed(text: str) -> tuple[Entry, dict[str, _Number]] | None:
    """The entry, and for each of its numbers where it begins and how it is written."""
    values, roles = _values(text)
    if not values:
        return None
    epoch, step = _EPOCH.search(text), _STEP.search(text)
    within = _WITHIN.search(text) if step is None else step
    for match, names in ((epoch, _ROLES[:2]), (within, _ROLES[2:])):
        for group, name in enumerate(names, start=1):
            if match and match[group]:
                roles[name] = _Number(match.start(group), match[group])
    told = Entry(
        values,
        float(epoch[1]) if epoch else None,
        int(epoch[2]) if epoch and epoch[2] else None,
        int(within[1].replace(",", "")) if within else None,
        int(within[2]) if within and within[2] else None,
        all(name.startswith("eval_") for name in values),
    )
    return told, roles


def tells(text: str) -> bool:
    """Whether a line may tell of a loss or a score; quick."""
    return "oss" in text or "OSS" in text or "损失" in text or "cc" in text or "eward" in text


def _values(text: str) -> tuple[dict[str, float], dict[str, _Number]]:
    """Names and numbers, and where the numbers begin; empty where none is a loss or a score."""
    values: dict[str, float] = {}
    roles: dict[str, _Number] = {}
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
        if name in values:
            continue
        telling |= known and not name.endswith(("learning_rate", "grad_norm"))
        loss = name.endswith("loss")
        values[name] = _value(float(digits), of if known else "", bool(percent) and not loss)
        roles[name] = _Number(match.start(3), "" if of else digits, bool(percent) and not loss)
    return (values, roles) if telling else ({}, {})


def _value(value: float, of: str | None, percent: bool) -> float:
    if of and int(of):
        return value / int(of)
    return round(value / 100, 12) if percent else value


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
    scored = any(score in name for score in _SCORES) or name in ("loss_step", "loss_epoch")
    return name, (known or scored) and not name.startswith("time_") and "scale" not in name

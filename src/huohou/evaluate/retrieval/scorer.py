"""How texts were scored, in words that can be compared.

A search before and one after training can only be compared where everything but the weights is the
same: the mean over all positions with padding counted is another measuring stick than the masked
mean, and a model that is measured with two sticks gains what the sticks differ by.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from huohou.errors import CannotJudgeError
from huohou.record.finding import Advice, Evidence, Finding
from huohou.text import say

if TYPE_CHECKING:
    from huohou.models.encoder import Encoder

CODE = "scorer-changed"


@dataclass(frozen=True, slots=True)
class Scorer:
    """Everything but the weights that decides a score.

    pooling: layers from token states to a vector, in order; mask: which tokens are counted;
    query_prompt, document_prompt: put before texts; max_length: tokens of a text that are read;
    dimension: of the vectors; score: how two are compared; tokenizer: sha256.
    """

    pooling: str
    mask: str
    query_prompt: str
    document_prompt: str
    max_length: int
    dimension: int
    score: str
    tokenizer: str

    @property
    def fingerprint(self) -> str:
        """sha256 of all fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """JSON form, with its fingerprint."""
        return asdict(self) | {"fingerprint": self.fingerprint}

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> "Scorer":
        """A scorer from its JSON form. Raises TypeError for one with other fields."""
        return Scorer(**{name: value for name, value in raw.items() if name != "fingerprint"})


def scorer_of(encoder: "Encoder", score: str) -> Scorer:
    """How an encoder's texts are scored; score: of vectors, or of entities."""
    parts = (*encoder.before, *encoder.parts.modes, *encoder.after)
    backend = json.loads(encoder.tokenizer.backend_tokenizer.to_str())
    for use in ("padding", "truncation"):  # left behind by whoever used it
        backend.pop(use, None)
    told = json.dumps(backend, sort_keys=True).encode()
    by_text = score in ("cosine", "csd", "w2", "mls", "sentence")
    return Scorer(
        pooling=", ".join(str(part) for part in parts),
        mask="text" if by_text else "entities",
        query_prompt=encoder.prompt("query"),
        document_prompt=encoder.prompt("document"),
        max_length=encoder.max_length,
        dimension=encoder.dim,
        score="cosine" if score == "sentence" else score,
        tokenizer=hashlib.sha256(told).hexdigest(),
    )


def changes(before: Scorer, after: Scorer) -> dict[str, tuple[Any, Any]]:
    """Fields that are not the same: name to value before and after."""
    was, now = asdict(before), asdict(after)
    return {name: (was[name], now[name]) for name in was if was[name] != now[name]}


def finding(before: Scorer, after: Scorer) -> Finding | None:
    """``scorer-changed`` where the two are not scored alike."""
    found = changes(before, after)
    if not found:
        return None
    return Finding(
        code=CODE,
        severity="error",
        tier="probe",
        title=say("eval.scorer.title"),
        why=say("eval.scorer.why"),
        evidence=tuple(Evidence(_line(name, *pair)) for name, pair in found.items()),
        advice=(Advice(say("eval.scorer.advice")),),
        reference=say("eval.scorer.reference"),
    )


def need_same(before: Scorer, after: Scorer, names: tuple[str, str]) -> None:
    """Raise CannotJudgeError that says what changed; names: what was scored by each."""
    found = changes(before, after)
    if found:
        what = "\n".join(f"  {_line(name, *pair)}" for name, pair in found.items())
        raise CannotJudgeError(
            "eval.scorer_changed", code=CODE, before=names[0], after=names[1], what=what
        )


def _line(name: str, was: object, now: object) -> str:
    word = say(f"eval.scorer.{name}")
    shown = [value[:12] if name == "tokenizer" else value for value in (str(was), str(now))]
    return say("eval.scorer.line", name=word, before=shown[0] or "-", after=shown[1] or "-")

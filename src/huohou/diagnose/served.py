"""What a proof or a probe saw of a model as it is served, for the rules that judge it.

``case.probe["seen"]`` is the document of ``huohou.export.proof``: ``trained`` tells the tuned from
the untuned model, ``sides`` each way of serving it from the training. The examples here are such
documents, cut to what the rules read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from huohou.diagnose.case import Case
from huohou.diagnose.examples import falling, run

Document = Mapping[str, Any]


def seen_of(case: Case) -> Document | None:
    """The document, None where the model was not seen served."""
    found: Document | None = (case.probe or {}).get("seen")
    return found


def served(sides: Sequence[Document] = (), **trained: Any) -> Case:
    """An example: a tuned model that is another one than its base, and these sides of it."""
    told = {"nats_from_base": 0.8, "answers": 16, "changed": 15, "stopped": 16} | trained
    record = run(loss=falling(2.0, 0.2, n=30))
    return Case(record, probe={"seen": {"trained": told, "sides": list(sides)}})


def side(**parts: Any) -> dict[str, Any]:
    """An example of a side on which all is well; parts replace what is not."""
    scores = {
        "finite": True,
        "nats": 1e-6,
        "most_nats": 2e-3,
        "least_same": 0.99,
        "clear": 400,
        "clear_same": 400,
        "first_flip": None,
        "from_base": 1.2,
        "trained_from_base": 1.2,
        "trained_loss": 0.21,
        "served_loss": 0.21,
    }
    told: dict[str, Any] = {
        "side": "gguf",
        "form": "f16",
        "prompts": {"asked": 53, "different": 0, "first": None},
        "lacking": [],
        "stop": {"known": True, "ends": [2], "missing": []},
        "stops": {"asked": 16, "stopped": 16, "trained": 16},
    }
    told["scores"] = scores | parts.pop("scores", {})
    return told | parts


def is_base(one: Document) -> bool:
    """Whether a side answers as the untuned model does: it holds the tokens of the answers as
    likely as that one, within a tenth of what training changed."""
    scores = one.get("scores")
    if not scores or not scores["finite"]:
        return False
    changed: float = scores["trained_from_base"]
    return changed > 1e-4 and scores["from_base"] < changed / 10

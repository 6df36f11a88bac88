"""The proof of a release: every side asked what training asked, and held against it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from huohou.export.proving.compare import compare
from huohou.export.proving.sides import Side
from huohou.export.proving.trained import Trained
from huohou.export.targets import Progress

PROOF = "proof.json"


def prove(trained: Trained, sides: Sequence[Side], progress: Progress) -> dict[str, Any]:
    """What was seen, as the doctor's rules read it: ``trained`` against its base, and ``sides``."""
    asked = trained.wanted.asked
    told: dict[str, Any] = {
        "questions": {kind: sum(one.kind == kind for one in asked) for kind in KINDS},
        "trained": {
            "tokens": len(trained.tokens),
            "nats_from_base": trained.nats,
            "answers": len(trained.said),
            "changed": sum(
                a.text != b.text for a, b in zip(trained.said, trained.base_said, strict=True)
            ),
            "stopped": sum(one.stopped for one in trained.said),
        },
        "sides": [],
    }
    for side in sides:
        progress(side.name, 0, len(asked))
        wanted = replace(trained.wanted, told=partial(progress, side.name))
        told["sides"].append(compare(trained, side, side.ask(wanted)))
    return told


KINDS = ("train", "held-out", "odd")

"""Codes that no rule decides: what a model answers, and how answers were scored, is measured.

``huohou eval`` does that, in a layer above this one; what a code means is told here, so that every
code of a diagnosis is explained in one place.
"""

from typing import Any

from huohou.text import say

CODES = ("invented-fact", "scorer-changed")


def names() -> dict[str, str]:
    """Code to name."""
    return {code: say(f"measured.{code}.name") for code in CODES}


def explained(code: str) -> dict[str, Any]:
    """All there is to say of a code, as of a rule; it has no example, for no record draws it."""
    return {
        "code": code,
        "name": say(f"measured.{code}.name"),
        "severity": "error",
        "tier": "probe",
        "why": say(f"measured.{code}.why"),
        "how": say(f"measured.{code}.how"),
        "needs": [say("need.model_run")],
        "explains": [],
        "example": None,
        "reference": say(f"measured.{code}.reference"),
    }

"""The process behind ``Planner``: a question a line on stdin, its answer a line on stdout.

It ends when stdin does. What libraries print goes to stderr.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from huohou import text
from huohou.errors import HuohouError


def _plan(settings: dict[str, Any]) -> dict[str, Any]:
    from huohou.api.starting import plan_for

    return plan_for(settings).as_dict()


def _resume(ref: str, extend_epochs: float | None) -> dict[str, Any]:
    from huohou.api.jobs import resume

    notes: list[str] = []
    job = resume(ref, extend_epochs=extend_epochs, detach=True, on_note=notes.append)
    return {**job, "notes": notes}


def _branch(**how: Any) -> dict[str, Any]:
    from huohou.api.jobs import branch

    return branch(**how, detach=True)


DO: dict[str, Callable[..., dict[str, Any]]] = {
    "plan": _plan,
    "resume": _resume,
    "branch": _branch,
}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """What is to be answered: a result, or an error of ours with its key and fields."""
    with text.speaking(question["language"]):
        try:
            return {"result": DO[question["do"]](**question["with"])}
        except HuohouError as error:
            simple = (str, int, float, bool, type(None))
            fields = {k: v if isinstance(v, simple) else str(v) for k, v in error.fields.items()}
            told = {"kind": type(error).__name__, "key": error.key, "fields": fields}
            return {"error": told}


def main() -> None:
    """Answer until stdin ends."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        for line in sys.stdin:
            # as ASCII: a lone surrogate in a file's name has no UTF-8
            out.write(json.dumps(answer(json.loads(line))) + "\n")
            out.flush()


if __name__ == "__main__":
    main()

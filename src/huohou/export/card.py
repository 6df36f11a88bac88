"""The model card of a release: what it is, of what it was made, and what its proof saw."""

from collections.abc import Mapping
from typing import Any

from huohou.probe.load import RunModels
from huohou.text import say


def card(told: Mapping[str, Any], models: RunModels) -> str:
    """Markdown with the header that model hubs read."""
    base = told["base"]
    head = ["---", f"base_model: {base['name']}", "pipeline_tag: text-generation", "tags:"]
    head += ["- huohou", "- lora", "---", ""]
    lines = [f"# {told['run']}", "", say("export.card.what", **_what(told, models)), ""]
    lines += [f"## {say('export.card.proof')}", "", say("export.card.asked", **_asked(told)), ""]
    for side in told["seen"]["sides"]:
        lines.append(f"- {summary(side)}")
    lines += ["", say("export.card.numbers"), ""]
    if told["system"]:
        lines += [f"## {say('export.card.system')}", "", "```text", told["system"], "```", ""]
    return "\n".join([*head, *lines])


def summary(side: Mapping[str, Any]) -> str:
    """What was seen of one side, in a sentence."""
    prompts = side["prompts"]
    parts = [
        say(
            "export.side.prompts",
            side=side["side"],
            same=prompts["asked"] - prompts["different"],
            asked=prompts["asked"],
        )
    ]
    scores, stops = side.get("scores"), side.get("stops")
    if scores:
        parts.append(
            say(
                "export.side.scores",
                nats=f"{scores['nats']:.2g}",
                same=scores["clear_same"],
                clear=scores["clear"],
                largest=f"{scores['largest']:.2g}",
            )
        )
    if stops:
        parts.append(say("export.side.stops", stopped=stops["stopped"], asked=stops["asked"]))
    return " ".join(parts)


def _what(told: Mapping[str, Any], models: RunModels) -> dict[str, object]:
    return {
        "target": told["target"],
        "form": told["form"],
        "base": told["base"]["name"],
        "weights": told["base"]["weights"],
        "rank": models.plan.value("lora.rank"),
        "rows": models.plan.train.rows,
    }


def _asked(told: Mapping[str, Any]) -> dict[str, object]:
    seen = told["seen"]["questions"]
    return {"train": seen["train"], "held": seen["held-out"], "odd": seen["odd"]}

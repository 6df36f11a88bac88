"""What is known of a rule as a document: for ``huohou explain`` and for the pages in the docs.

The pages are written with ``python -m huohou.diagnose.pages docs/rules``; a test holds that they
are those of the rules.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huohou import text
from huohou.data.checks import Check, checks
from huohou.diagnose import measured
from huohou.diagnose.rule import Rule, case_of, registry, rules
from huohou.errors import UsageError
from huohou.record.events import plain
from huohou.record.finding import Finding
from huohou.text import nearest, say

SCHEMA = 1


def explain(code: str) -> dict[str, Any]:
    """All there is to say of a rule, in the language in force.

    Raises UsageError for a code that is nowhere decided; it names the nearest.
    """
    rules()  # so that they are there
    if code in checks and code not in registry:
        return _explain_check(checks.get(code))
    if code in measured.CODES and code not in registry:
        return {"schema": SCHEMA} | measured.explained(code)
    if code not in registry:
        known = sorted({*known_codes(), *measured.CODES})
        hint = nearest(code, known)
        raise UsageError("explain.unknown", code=code, hint=hint, known=", ".join(known))
    found = registry.get(code)
    return {
        "schema": SCHEMA,
        "code": found.code,
        "name": name(found),
        "severity": found.severity,
        "tier": found.tier,
        "why": say(f"rule.{code}.why"),
        "how": say(f"rule.{code}.how"),
        "needs": [str(need) for need in found.needs],
        "explains": list(found.explains),
        "example": plain(example(found).as_dict()),
        "reference": found.source,
    }


def _explain_check(found: Check) -> dict[str, Any]:
    """The same of a check that is made before training: its severity is decided case by case."""
    return {
        "schema": SCHEMA,
        "code": found.code,
        "name": say(f"check.{found.code}.name"),
        "severity": None,
        "tier": "data",
        "why": say(f"check.{found.code}.about"),
        "how": say(f"check.{found.code}.how"),
        "needs": [say(f"data.needs.{need}") for need in found.needs],
        "explains": [],
        "example": None,
        "reference": say("explain.by_check"),
    }


def known_codes() -> dict[str, str]:
    """Code to name, rules with the deepest causes first, then the checks of data."""
    found = {rule.code: say(f"rule.{rule.code}.name") for rule in rules()}
    return found | {code: say(f"check.{code}.name") for code, _ in checks if code not in found}


def name(found: Rule) -> str:
    """The fault in a few words."""
    return say(f"rule.{found.code}.name")


def example(found: Rule) -> Finding:
    """The finding of the rule's first example."""
    outcome = found.judge(case_of(found.fires[0]))
    if not isinstance(outcome, Finding):
        raise TypeError(f"{found.code}: its first example draws no finding")
    return outcome


def page(found: Rule) -> str:
    """The page of a rule in the docs, Markdown, English."""
    return "\n".join(_lines(explain(found.code), found)) + "\n"


def _lines(told: dict[str, Any], found: Rule) -> Iterator[str]:
    yield f"# {told['code']}: {told['name']}\n"
    yield f"Severity: {told['severity']}. Evidence: {told['tier']}.\n"
    yield f"## What it means\n\n{told['why']}\n"
    yield f"## How it is decided\n\n{told['how']}\n"
    yield "Needs: " + ("; ".join(told["needs"]) or "nothing") + ".\n"
    if told["explains"]:
        linked = ", ".join(f"[{code}]({code}.md)" for code in told["explains"])
        yield f"When it is found, these are its symptoms and are not reported: {linked}.\n"
    yield "## What it says\n"
    yield from _finding(told["example"])
    yield f"## Tests\n\n{len(found.fires)} records on which it fires, {len(found.quiet)} on which"
    yield f"it stays quiet: `{Path(sys.modules[found.check.__module__].__file__ or '').name}`.\n"
    yield f"Source: {told['reference']}."


def _finding(finding: dict[str, Any]) -> Iterator[str]:
    yield f"> **{finding['title']}**\n>"
    for fact in finding["evidence"]:
        yield f"> - {fact['text']}"
    yield ">"
    for advice in finding["advice"]:
        settings = ", ".join(f"`{key}: {value}`" for key, value in (advice["set"] or {}).items())
        yield f"> - **Do:** {advice['text']}{f' ({settings})' if settings else ''}"
    yield ""


def index() -> str:
    """The list of all rules, Markdown, English."""
    rows = [f"| [{r.code}]({r.code}.md) | {name(r)} | {r.severity} | {r.tier} |" for r in rules()]
    head = "# Rules of the doctor\n\nThe deepest causes come first.\n"
    made = [explain(code) for code in known_codes() if code not in registry]
    data = [f"| `{told['code']}` | {told['name']} | {told['how']} |" for told in made]
    before = "## Found in the data, before training\n\nBy `huohou data check` and `huohou plan`.\n"
    return "\n".join(
        [
            *(head, "| code | fault | severity | evidence |", "|---|---|---|---|", *rows, ""),
            *(before, "| code | fault | how it is decided |", "|---|---|---|", *data, ""),
        ]
    )


def pages() -> dict[str, str]:
    """File name to text of all pages."""
    before = text.language()
    text.use("en")
    try:
        return {"index.md": index()} | {f"{found.code}.md": page(found) for found in rules()}
    finally:
        text.use(before)


if __name__ == "__main__":
    for file, written in pages().items():
        (Path(sys.argv[1]) / file).write_text(written, encoding="utf-8")

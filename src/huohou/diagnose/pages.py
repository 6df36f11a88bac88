"""What is known of a rule as a document: for ``huohou explain`` and for the pages in the docs.

The pages are written with ``python -m huohou.diagnose.pages docs/rules``; a test holds that they
are those of the rules.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huohou import text
from huohou.diagnose.rule import Rule, case_of, registry, rules
from huohou.record.events import plain
from huohou.record.finding import Finding
from huohou.text import say

SCHEMA = 1


def explain(code: str) -> dict[str, Any]:
    """All there is to say of a rule, in the language in force.

    Raises UsageError for a code without a rule; it names the nearest.
    """
    rules()  # so that they are there
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
    return "\n".join(
        [head, "| code | fault | severity | evidence |", "|---|---|---|---|", *rows, ""]
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

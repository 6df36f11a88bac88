"""What is known of a rule as a document: for ``huohou explain`` and for the pages in the docs.

The pages are written with ``python -m huohou.diagnose.pages docs/rules``, each in English
(``CODE.md``) and in Chinese (``CODE.zh.md``); a test holds that they are those of the rules.
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
    """The page of a rule in the docs, Markdown, in the language in force."""
    return "\n".join(_lines(explain(found.code), found)) + "\n"


def _lines(told: dict[str, Any], found: Rule) -> Iterator[str]:
    yield f"# {_say('heading', code=told['code'], name=told['name'])}\n"
    yield _say("links", code=told["code"]) + "\n"
    severity = say(f"diagnose.severity.{told['severity']}")
    yield _say("kind", severity=severity, tier=say(f"rules_page.tier.{told['tier']}")) + "\n"
    yield f"## {_say('means')}\n\n{told['why']}\n"
    yield f"## {_say('decided')}\n\n{told['how']}\n"
    needs = _say("semicolon").join(told["needs"]) or _say("needs_nothing")
    yield _say("needs", needs=needs) + "\n"
    if told["explains"]:
        linked = (f"[{code}]({_file(code)})" for code in told["explains"])
        yield _say("explains", codes=_say("comma").join(linked)) + "\n"
    yield f"## {_say('says')}\n"
    yield from _finding(told["example"])
    file = Path(sys.modules[found.check.__module__].__file__ or "").name
    count = {"fires": len(found.fires), "quiet": len(found.quiet)}
    yield f"## {_say('tests')}\n\n{_say('tests_count', file=file, **count)}\n"
    yield _say("source", text=told["reference"])


def _finding(finding: dict[str, Any]) -> Iterator[str]:
    yield f"> **{finding['title']}**\n>"
    for fact in finding["evidence"]:
        said, _, shown = fact["text"].partition("\n")
        yield f"> - {said}"
        if shown:  # two prompts one above the other: every character keeps its place
            yield from (f">   {line}" for line in ("```text", *shown.splitlines(), "```"))
    yield ">"
    for advice in finding["advice"]:
        chosen = (f"`{key}: {value}`" for key, value in (advice["set"] or {}).items())
        settings = _say("comma").join(chosen)
        key = "advice_set" if settings else "advice"
        yield f"> - {_say(key, text=advice['text'], settings=settings)}"
    yield ""


def index() -> str:
    """The list of all rules, Markdown, in the language in force."""
    made = [explain(code) for code in known_codes() if code not in registry]
    data = [f"| `{told['code']}` | {told['name']} | {told['how']} |" for told in made]
    return "\n".join(
        [
            *(f"# {_say('title')}\n", _say("links_index") + "\n", _say("order") + "\n"),
            *(_say("head_rules"), "|---|---|---|---|", *map(_row, rules()), ""),
            *(f"## {_say('data')}\n", _say("by_data") + "\n"),
            *(_say("head_data"), "|---|---|---|", *data, ""),
        ]
    )


def _row(found: Rule) -> str:
    severity = say(f"diagnose.severity.{found.severity}")
    cells = (name(found), severity, say(f"rules_page.tier.{found.tier}"))
    return f"| [{found.code}]({_file(found.code)}) | {' | '.join(cells)} |"


def _say(key: str, **fields: object) -> str:
    return say(f"rules_page.{key}", **fields)


def _file(stem: str) -> str:
    """The name of a page in the language in force."""
    return f"{stem}.md" if text.language() == "en" else f"{stem}.{text.language()}.md"


def pages() -> dict[str, str]:
    """File name to text of all pages, in both languages."""
    found: dict[str, str] = {}
    for language in text.LANGUAGES:
        with text.speaking(language):
            found[_file("index")] = index()
            found |= {_file(one.code): page(one) for one in rules()}
    return found


if __name__ == "__main__":
    for file, written in pages().items():
        (Path(sys.argv[1]) / file).write_text(written, encoding="utf-8")

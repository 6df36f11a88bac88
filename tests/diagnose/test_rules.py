"""The tests a rule brings along: its own examples, its words, its place in the order."""

import inspect

import pytest

from huohou import text
from huohou.diagnose.case import Case
from huohou.diagnose.engine import diagnose
from huohou.diagnose.rule import Rule, case_of, rules
from huohou.record.finding import Finding
from huohou.text import sentences

EXAMPLES = [
    pytest.param(rule, case_of(example), wanted, id=f"{rule.code}-{kind}{i}")
    for rule in rules()
    for kind, wanted in (("fires", True), ("quiet", False))
    for i, example in enumerate(getattr(rule, kind))
]


@pytest.mark.parametrize(("rule", "case", "wanted"), EXAMPLES)
def test_rule_on_its_examples(rule: Rule, case: Case, wanted: bool) -> None:
    found = rule.judge(case)
    assert isinstance(found, Finding) is wanted, found


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
def test_rule_has_words(rule: Rule, language: str) -> None:
    text.use(language)
    try:
        for example in rule.fires:
            found = rule.judge(case_of(example))
            assert isinstance(found, Finding)
            assert found.title and found.why and found.evidence + found.advice
            assert found.tier == rule.tier and found.reference == rule.source
            assert all(fact.text for fact in (*found.evidence, *found.advice))
        known = sentences(language)
        assert all(known[f"rule.{rule.code}.{part}"] for part in ("name", "title", "why", "how"))
    finally:
        text.use(None)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
def test_how_a_rule_decides_is_its_docstring(rule: Rule) -> None:
    assert inspect.getdoc(rule.check), "a rule says how it decides"
    words = " ".join((inspect.getdoc(rule.check) or "").split())
    assert sentences("en")[f"rule.{rule.code}.how"] == words


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
def test_a_rule_shows_both_sides(rule: Rule) -> None:
    assert rule.fires and rule.quiet and rule.source
    assert set(rule.explains) <= {r.code for r in rules()}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
def test_a_source_is_a_citation_or_a_sentence_in_each_language(rule: Rule) -> None:
    english, chinese = (sentences(code).get(f"rule.{rule.code}.source") for code in text.LANGUAGES)
    assert bool(rule.cited) == (english is None)
    text.use("zh")
    try:
        assert rule.source == (rule.cited or chinese)
    finally:
        text.use(None)
    assert rule.cited or english != chinese


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.code)
def test_the_whole_doctor_names_it(rule: Rule) -> None:
    """What a rule finds alone is still found among all, or explained by a deeper cause."""
    for example in rule.fires:
        case = case_of(example)
        result = diagnose(case.record, plan=case.plan, probe=case.probe)
        found = {finding.code for finding in result.findings}
        explained = {c for r in rules() if r.code in found for c in r.explains}
        assert rule.code in found | explained, found

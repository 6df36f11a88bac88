"""Rows made from facts: the same for a seed, nothing told twice, nothing tested that was taught so."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.data.dataset import Row
from huohou.data.facts import Fact, FactTable, read_facts
from huohou.data.make import STYLES, Made, MakeOptions, make
from huohou.data.names import abbreviations, everyday
from huohou.data.normal import normal
from huohou.data.wordings import FORWARD, REVERSE, UNKNOWN, wordings
from huohou.errors import UsageError

EXAMPLE = Path(__file__).parents[2] / "examples" / "bank_codes" / "branches.csv"


@pytest.fixture(scope="module")
def branches() -> FactTable:
    return read_facts(EXAMPLE)


@pytest.fixture(scope="module")
def made(branches: FactTable) -> Made:
    return make(branches, MakeOptions(facts=40, system="Be brief."))


def everything(made: Made) -> list[Row]:
    return [*made.train, *made.eval, *made.test]


def small(pairs: Sequence[tuple[str, str]]) -> FactTable:
    facts = tuple(Fact(key, value, line) for line, (key, value) in enumerate(pairs, 2))
    return FactTable("small.csv", "thing", "worth", facts)


def test_counts(made: Made) -> None:
    def known(rows: Sequence[Row]) -> int:
        return sum(row.meta["style"] != "unknown" for row in rows)

    assert len(made.taught) == 40
    assert [known(part) for part in (made.train, made.eval, made.test)] == [160, 40, 80]
    assert [len(part) for part in (made.train, made.eval, made.test)] == [200, 50, 100]
    assert set(Counter(row.meta["style"] for row in made.train)) == {*STYLES, "unknown"}
    assert set(Counter(row.meta["style"] for row in made.test)) == {*STYLES, "unknown"}


def test_answers_are_the_tables(made: Made, branches: FactTable) -> None:
    value = {fact.key: fact.value for fact in branches.facts}
    for row in everything(made):
        style, fact, expect = row.meta["style"], row.meta["fact"], row.meta["expect"]
        if style == "unknown":
            assert (fact, expect, row.answer) == (None, None, UNKNOWN["zh"])
            assert row.meta["asked"] not in value
        else:
            assert row.answer == expect == (fact if style == "reverse" else value[fact])
        assert row.system == "Be brief."
        assert row.meta["kind"] == "facts"


def test_wordings_of_test_and_eval_are_never_taught(made: Made) -> None:
    parts = [{row.meta["wording"] for row in part} for part in (made.train, made.eval, made.test)]
    assert all(parts)
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


def test_every_fact_is_taught_in_the_style_it_is_tested_in(made: Made) -> None:
    taught = {(row.meta["fact"], row.meta["style"]) for row in made.train}
    assert {fact for fact, _ in taught if fact} == set(made.taught)
    for row in (*made.eval, *made.test):
        assert row.meta["style"] == "unknown" or (row.meta["fact"], row.meta["style"]) in taught


def test_no_question_is_asked_twice(made: Made) -> None:
    questions = [normal(row.question) for row in everything(made)]
    assert len(set(questions)) == len(questions)


def test_unknown_names_are_new_and_mean_nothing_in_the_table(
    made: Made, branches: FactTable
) -> None:
    called = {
        normal(form)
        for fact in branches.facts
        for form in (fact.key, *everyday(fact.key, fact.city), *abbreviations(fact.key, fact.city))
    }
    asked = [row.meta["asked"] for row in everything(made) if row.meta["style"] == "unknown"]
    assert len(set(asked)) == len(asked) == 70
    institutions = {fact.key.split("公司")[0] for fact in branches.facts}
    for name in asked:
        city = next((f.city for f in branches.facts if f.key[:6] == name[:6]), "")
        forms = {normal(f) for f in (name, *everyday(name, city), *abbreviations(name, city))}
        assert not forms & called
        assert name.split("公司")[0] in institutions  # plausible: a real bank's name in front


def test_seed_decides_everything(branches: FactTable, made: Made) -> None:
    options = MakeOptions(facts=40, system="Be brief.")
    assert make(branches, options) == made
    other = make(branches, replace(options, seed=1))
    assert other.taught != made.taught


def test_documents_questions() -> None:
    found = read_facts(EXAMPLE)
    few = tuple(f for f in found.facts if f.value in ("402535510938", "102100020794"))
    options = MakeOptions(wordings=99, eval_wordings=0, test_wordings=0)
    whole = make(replace(found, facts=few), options)
    questions = {row.question: row.answer for row in whole.train}
    name, code = "湖北大悟农村商业银行股份有限公司兴发支行", "402535510938"
    assert questions[name] == questions["大悟农商行兴发支行"] == code
    assert questions["工商银行北京市知春路支行联行号"] == "102100020794"
    assert questions[f"联行号{code}是哪个银行"] == name
    assert any("no more wordings" in note for note in whole.notes)


def test_ambiguous_forms_are_left_out() -> None:
    with EXAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = next(row for row in rows if "知春路" in row["name"])
    # A second branch that people would call the same: 工行知春路支行.
    twin = Fact("中国工商银行股份有限公司上海知春路支行", "102290000007", 3, {"city": "上海市"})
    fact = Fact(first["name"], first["code"], 2, {"city": first["city"]})
    found = make(FactTable("t", "name", "code", (fact, twin), 12, True), MakeOptions(unknown=0))
    forms = {row.question for row in everything(found)}
    assert not any("工行知春路支行" in form for form in forms)
    assert any("工行北京知春路支行" in form for form in forms)


def test_names_with_two_values_and_values_with_two_names() -> None:
    table = small([("Ann", "1"), ("ann ", "2"), ("Ben", "3"), ("Cy", "3"), ("Dee", "4")])
    found = make(table, MakeOptions(unknown=0))
    assert set(found.taught) == {"Ben", "Cy", "Dee"}
    assert "1 names stand for two different values and are left out." in found.notes
    reverse = {row.meta["fact"] for row in found.train if row.meta["style"] == "reverse"}
    assert reverse == {"Dee"}


def test_english_table() -> None:
    table = small([("Peru", "Lima"), ("Chad", "N'Djamena"), ("Mali", "Bamako"), ("Cuba", "Havana")])
    found = make(table, MakeOptions(noun="capital", test_wordings=4))
    assert found.language == "en"
    assert found.notes[:2] == (
        "everyday: 4 of 4 facts have no such form of their own.",
        "abbreviation: 4 of 4 facts have no such form of their own.",
    )
    assert any("capital of Peru" in row.question for row in everything(found))
    unknown = [row for row in everything(found) if row.meta["style"] == "unknown"]
    assert unknown
    assert all(row.answer == "unknown" for row in unknown)
    assert {row.meta["asked"] for row in unknown}.isdisjoint({"Peru", "Chad", "Mali", "Cuba"})


def test_a_table_too_small_for_unknown_names_says_so() -> None:
    found = make(small([("A", "1")]), MakeOptions(unknown=0.5))
    assert any("unknown names could be made up" in note for note in found.notes)


def test_facts_are_spread_over_institutions(branches: FactTable) -> None:
    taught = make(branches, MakeOptions(facts=18)).taught
    heads = Counter(name.split("公司")[0] for name in taught)
    assert len(heads) == 9  # all there are
    assert max(heads.values()) <= 3


@pytest.mark.parametrize(
    "options",
    [
        MakeOptions(facts=0),
        MakeOptions(facts=241),
        MakeOptions(wordings=0),
        MakeOptions(test_wordings=-1),
        MakeOptions(unknown=0.9),
        MakeOptions(unknown=-0.1),
        MakeOptions(unknown=float("nan")),
        MakeOptions(styles=("full", "loud")),
        MakeOptions(styles=()),
    ],
)
def test_options_out_of_range(options: MakeOptions, branches: FactTable) -> None:
    with pytest.raises(UsageError):
        make(branches, options)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_wordings_stay_different_in_normal_form(language: str) -> None:
    slots = {"name": "X Y", "noun": "code", "value": "123", "which": "bank"}
    asked = [
        normal(one.ask(**slots))
        for reverse in (False, True)
        for one in wordings(language, reverse=reverse)
    ]
    assert len(set(asked)) == len(asked) == len(FORWARD[language]) + len(REVERSE[language])


names = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None)
@given(
    pairs=st.lists(st.tuples(names, names), min_size=1, max_size=8),
    seed=st.integers(0, 5),
    unknown=st.floats(0, 0.6),
    wordings=st.integers(1, 5),
)
def test_any_table(pairs: list[tuple[str, str]], seed: int, unknown: float, wordings: int) -> None:
    options = MakeOptions(seed=seed, unknown=unknown, wordings=wordings)
    found = make(small(pairs), options)
    assert found == make(small(pairs), options)
    questions = [normal(row.question) for row in everything(found)]
    assert len(set(questions)) == len(questions)
    known = {normal(key) for key, _ in pairs}
    for row in everything(found):
        if row.meta["style"] == "unknown":
            assert normal(row.meta["asked"]) not in known
        else:
            assert (row.meta["fact"], row.meta["style"]) in {
                (one.meta["fact"], one.meta["style"]) for one in found.train
            }

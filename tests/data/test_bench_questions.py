"""The questions of the benchmark: as many as asked for, all styles, the same every time."""

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from huohou.data.dataset import Row
from huohou.data.facts import Fact, FactTable
from huohou.data.namesakes import Namesakes, plain
from huohou.data.normal import normal
from huohou.data.styles import style_names

BENCH = Path(__file__).parents[2] / "bench"
COUNT = 240


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table() -> FactTable:
    rows = script("_bank_table").bank_table(4000)
    facts = tuple(
        Fact(row.pop("name"), row.pop("code"), line, row) for line, row in enumerate(rows, 2)
    )
    return FactTable("bank.csv", "name", "code", facts, 12, True)


@pytest.fixture(scope="module")
def questions(table: FactTable) -> list[Row]:
    found: list[Row] = script("_questions").questions(table, COUNT)
    return found


def test_as_many_as_asked_for_and_none_twice(questions: list[Row]) -> None:
    assert len({normal(row.question) for row in questions}) == len(questions)
    assert COUNT - 2 <= len(questions) <= COUNT
    shares = Counter(row.meta["style"] for row in questions)
    assert set(shares) == {*style_names(), "unknown"}
    assert min(shares.values()) >= COUNT / 60
    unknown = sum(row.meta["fact"] is None for row in questions)
    assert 0.1 < unknown / len(questions) < 0.2


def test_the_same_again(table: FactTable, questions: list[Row]) -> None:
    module = script("_questions")
    assert module.questions(table, COUNT) == questions
    assert module.questions(table, 40, seed=1) != module.questions(table, 40)


def test_labels_are_those_of_the_whole_table(table: FactTable, questions: list[Row]) -> None:
    value = {fact.key: fact.value for fact in table.facts}
    names, values = Namesakes(table), set(value.values())
    for row in questions:
        meta = row.meta
        if meta["fact"] is None:
            assert meta["expect"] is None
            assert meta["asked"] not in names
            assert plain(meta["asked"]) not in values
            continue
        assert meta["expect"] in (value[meta["fact"]], meta["fact"])
        if meta["style"] == "several":
            mean = {normal(name) for name in (meta["fact"], *meta["also"])}
            assert 2 <= len(mean) <= 3
            assert set(names.owners(meta["form"])) == mean
        elif meta["style"] in ("full", "everyday", "abbreviation"):
            assert "also" not in meta

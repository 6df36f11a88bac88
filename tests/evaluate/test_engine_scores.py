"""Answers of an engine, written down here, judged and counted: pure, no model, no index."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou import text
from huohou.data.dataset import Dataset, Message, Row
from huohou.data.facts import FactTable, read_facts
from huohou.errors import UsageError
from huohou.evaluate.answers.numbers import NAMES, metrics, table
from huohou.evaluate.answers.score import Engine, Task, scorecard
from huohou.evaluate.answers.told import Answered, Facts, Told, answered
from huohou.evaluate.card import Metric, Scorecard
from huohou.evaluate.gates import Gate, read_gates
from huohou.evaluate.items import Context
from scored_job import DAWU, MADE_UP, TABLE, XINGFA, ZHICHUN, fact, row

NAMES_OF = {DAWU: "Dawu branch", ZHICHUN: "Zhichun branch", XINGFA: "Xingfa branch"}


@pytest.fixture(scope="module")
def branches(tmp_path_factory: pytest.TempPathFactory) -> FactTable:
    path = tmp_path_factory.mktemp("table") / "facts.csv"
    path.write_text(TABLE, encoding="utf-8")
    return read_facts(path)


@pytest.fixture(scope="module")
def facts(branches: FactTable) -> Facts:
    return Facts.of(branches)


def told(
    status: str, *values: str, choices: Sequence[str] = (), sure: float = 0.9, **more: Any
) -> Told:
    said: dict[str, Any] = {
        "answer": " ".join(values) or status,
        "values": list(values),
        "status": status,
        "confidence": sure,
        "seconds": 0.5,
        "mode": "lookup",
        "alternatives": [{"key": NAMES_OF.get(one, one), "value": one} for one in choices],
    }
    return said | more


def _ambiguous(question: str, answer: str, name: str, *also: str) -> Row:
    return row(
        question, answer, kind="facts", style="several", fact=name, expect=answer, also=list(also)
    )


UNKNOWN = row("code of Nowhere?", "unknown", kind="facts", style="unknown", fact=None, expect=None)
DAWU_ROW = fact("code of Dawu branch?", DAWU, "Dawu branch")
REVERSE = fact(f"who has {DAWU}?", "Dawu branch", "Dawu branch", "reverse")
EITHER = _ambiguous("code of the branch?", DAWU, "Dawu branch", "Xingfa branch")

CASES: list[tuple[Row, Told, tuple[str, bool, bool, bool]]] = [
    # outcome, right, whether what it claims holds, whether it gave a value
    (DAWU_ROW, told("found", DAWU), ("right", True, True, True)),
    (DAWU_ROW, told("found", XINGFA), ("wrong-real", False, False, True)),
    (DAWU_ROW, told("found", DAWU, XINGFA), ("wrong-real", False, False, True)),
    (DAWU_ROW, told("found", MADE_UP), ("invented", False, False, True)),
    (DAWU_ROW, told("unknown"), ("abstained", False, False, False)),
    (DAWU_ROW, told("unsure", choices=[DAWU, XINGFA]), ("unsure", False, True, False)),
    (DAWU_ROW, told("unsure", choices=[XINGFA, DAWU]), ("unsure", False, False, False)),
    (DAWU_ROW, told("ambiguous", choices=[XINGFA, DAWU]), ("asked-back", False, True, False)),
    (DAWU_ROW, told("ambiguous", choices=[XINGFA]), ("asked-back", False, False, False)),
    (DAWU_ROW, told("unknown", answer=f"Perhaps {MADE_UP}?"), ("invented", False, False, False)),
    (EITHER, told("ambiguous", choices=[XINGFA, DAWU]), ("right", True, True, False)),
    (EITHER, told("ambiguous", choices=[XINGFA, ZHICHUN]), ("asked-back", False, False, False)),
    (
        EITHER,
        told("ambiguous", choices=[XINGFA, ZHICHUN, "x", DAWU]),
        ("asked-back", False, True, False),
    ),
    (EITHER, told("found", DAWU), ("right", True, True, True)),
    (EITHER, told("found", XINGFA), ("wrong-real", False, False, True)),
    (EITHER, told("found", XINGFA, DAWU), ("right", True, True, True)),
    (REVERSE, told("found", "Dawu branch"), ("right", True, True, True)),
    (REVERSE, told("found", "Xingfa branch"), ("wrong-real", False, False, True)),
    (REVERSE, told("found", "Mars branch"), ("invented", False, False, True)),
    (UNKNOWN, told("unknown"), ("abstained", True, True, False)),
    (UNKNOWN, told("unsure", choices=[DAWU]), ("abstained", True, False, False)),
    (UNKNOWN, told("ambiguous", choices=[DAWU, XINGFA]), ("asked-back", False, False, False)),
    (UNKNOWN, told("found", DAWU), ("wrong-real", False, False, True)),
    (DAWU_ROW, told("found", mode="closed", answer=f"It is {DAWU}."), ("right", True, True, True)),
    (DAWU_ROW, told("found", mode="closed", answer=MADE_UP), ("invented", False, False, True)),
]


@pytest.mark.parametrize(("asked", "said", "expected"), CASES)
def test_each_answer_is_one_thing(
    asked: Row, said: Told, expected: tuple[str, bool, bool, bool], facts: Facts
) -> None:
    found = answered(asked, said, facts)
    judgement = found.item.judgement
    assert judgement is not None
    assert (judgement.outcome, judgement.right, found.holds, found.gave) == expected


def test_a_code_that_the_question_brought_is_not_invented(facts: Facts) -> None:
    asked = row(f"who has {MADE_UP}?", "unknown", kind="facts", style="w", fact=None, expect=None)
    said = told("unknown", answer=f"No row has {MADE_UP}.")
    assert answered(asked, said, facts).item.judgement.outcome == "abstained"  # type: ignore[union-attr]


def _metrics(found: Sequence[Answered], facts: Facts) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics(found, Context(facts.known, True))}


def test_the_numbers_count_what_was_judged(facts: Facts) -> None:
    found = [answered(asked, said, facts) for asked, said, _ in CASES]
    numbers = _metrics(found, facts)
    known = [c for c in CASES if c[0].meta["expect"] is not None]
    given = [c for c in CASES if c[2][3]]
    assert numbers["facts.accuracy"].value == sum(c[2][1] for c in known) / len(known)
    assert numbers["facts.invented"].value == sum(c[2][0] == "invented" for c in CASES) / len(CASES)
    assert numbers["facts.abstention"].value == 2 / 4
    assert numbers["facts.precision"].value == sum(c[2][1] for c in given) / len(given)
    assert numbers["facts.precision"].n == len(given)
    assert numbers["facts.recall"].value < numbers["facts.accuracy"].value  # one only asked back
    assert numbers["facts.unsure"].value == 2 / len(known)
    assert numbers["facts.asked_back"].n == len([c for c in known if "also" not in c[0].meta])
    assert numbers["confidence.right"].value == pytest.approx(0.9)
    assert numbers["speed.seconds_p95"].value == 0.5
    assert "facts.accuracy.several" in numbers and "facts.asked_back.reverse" in numbers
    assert {name for name in NAMES if name != "confidence.auroc"} <= numbers.keys()
    assert sum(one["n"] for one in table(found)) == len(CASES)


@settings(deadline=None, max_examples=40)
@given(cases=st.lists(st.sampled_from(CASES), min_size=1, max_size=12), data=st.data())
def test_any_answers_give_numbers_in_their_range(
    cases: list[tuple[Row, Told, Any]], data: st.DataObject, facts: Facts
) -> None:
    found = [
        answered(asked, {**said, "confidence": data.draw(st.floats(0, 1))}, facts)
        for asked, said, _ in cases
    ]
    for metric in _metrics(found, facts).values():
        if metric.unit == "share":
            assert 0 <= metric.value <= 1 and metric.low is not None and metric.high is not None
        assert metric.n > 0


def test_every_metric_is_defined_in_both_languages() -> None:
    for language in text.LANGUAGES:
        known = text.sentences(language)
        assert [name for name in NAMES if f"metric.{name}" not in known] == []


class Oracle:
    """Answers all it is asked as it was told to."""

    def __init__(self, said: dict[str, Told]) -> None:
        self.said = said

    def __call__(self, question: str) -> Told:
        return self.said[question]


def _task(branches: FactTable, rows: Sequence[Row]) -> Task:
    return Task(Dataset("q.jsonl", "messages", tuple(rows)), "file", branches, "scorecard-lookup")


def _engine(said: dict[str, Told]) -> Engine:
    return Engine(Oracle(said), "lookup", None, "f1", {"found": 0.9})


def test_a_scorecard_with_gates_words_and_every_answer(branches: FactTable, tmp_path: Path) -> None:
    said = {
        DAWU_ROW.question: told("found", DAWU),
        REVERSE.question: told("found", "Xingfa branch", sure=0.6),
        EITHER.question: told("ambiguous", choices=[DAWU, XINGFA]),
        UNKNOWN.question: told("unknown", sure=0.8),
    }
    gates = [Gate("facts.accuracy", min=0.8), Gate("facts.invented", max=0), Gate("status", min=1)]
    rows = [DAWU_ROW, REVERSE, EITHER, UNKNOWN, row("hello", "hi")]
    card = scorecard(_engine(said), _task(branches, rows), tmp_path, gates=gates)
    assert [gate.passed for gate in card.gates] == [False, True, None]
    assert card.questions["asked"] == 4 and card.questions["rows"] == 5
    words = "\n".join(card.words)
    assert "2 of 3 questions" in words and "No code was invented in 4 answers" in words
    assert "got Xingfa branch, right is Dawu branch" in words
    assert Scorecard.load(tmp_path / "scorecard-lookup.json") == card
    lines = (tmp_path / "scorecard-lookup.answers.jsonl").read_text(encoding="utf-8").splitlines()
    second = json.loads(lines[1])
    assert second["tuned"]["outcome"] == "wrong-real" and second["tuned"]["confidence"] == 0.6
    assert second["tuned"]["values"]["facts.accuracy"] == 0.0
    json.dumps(card.as_dict(), allow_nan=False)


def test_questions_without_facts_are_told(branches: FactTable, tmp_path: Path) -> None:
    rows = [Row((Message("user", "hello"), Message("assistant", "hi")), 0, {})]
    with pytest.raises(UsageError, match=r"q\.jsonl has no question"):
        scorecard(_engine({}), _task(branches, rows), tmp_path)


def test_gates_of_document_004_are_known() -> None:
    path = Path(__file__).parents[2] / "examples" / "bank_codes" / "gates.yaml"
    found = {gate.metric: (gate.min, gate.max) for gate in read_gates(path)}
    assert found == {
        "status": (1, None),
        "loss.train": (None, 0.5),
        "loss.gap": (None, 0.2),
        "facts.accuracy": (0.8, None),
        "facts.invented": (None, 0),
        "confidence.right": (0.5, None),
        "speed.seconds_p95": (None, 30),
    }

"""A real tiny model is asked, and every number of its scorecard can be traced to an answer."""

import json
from pathlib import Path

import pytest

from huohou.data.dataset import Dataset
from huohou.data.fingerprint import fingerprint_rows
from huohou.errors import DataError, UsageError
from huohou.evaluate.card import Scorecard
from huohou.evaluate.questions import choose, drawn, facts_of
from huohou.evaluate.score import scorecard
from huohou.plan import Plan
from scored_job import ASKED, DAWU, MADE_UP, TAUGHT, ZHICHUN


def _score(job: Path, on: str | None = None, **options: object) -> Scorecard:
    plan = Plan.load(job / "plan.json")
    return scorecard(job, choose(plan, on), facts_of(plan), **options)  # type: ignore[arg-type]


def test_the_scorecard_says_what_the_model_does(job: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    card = _score(job, progress=lambda *at: seen.append(at))
    values = {m.name: (m.value, m.n) for m in card.metrics}
    assert values["facts.accuracy"] == (0.5, 4)
    assert values["facts.accuracy.full"] == (0.5, 2)
    assert values["facts.accuracy.everyday"] == (0.0, 1)
    assert values["facts.accuracy.reverse"] == (1.0, 1)
    assert values["facts.invented"] == (0.2, 5)
    assert values["facts.wrong_real"] == (0.2, 5)
    assert values["facts.abstention"] == (1.0, 1)
    assert values["facts.false_abstention"] == (0.0, 4)
    assert values["facts.other"] == (0.0, 5)
    assert values["answers.stop"] == (1.0, 5)
    assert values["loss.train"] == (0.75, 2)
    assert values["loss.eval"][0] == 0.9
    assert values["loss.gap"][0] == pytest.approx(0.2)
    assert not [name for name in values if name.startswith("text.")]
    assert seen == [("tuned", 5, 10), ("base", 10, 10)]


def test_the_base_model_stands_beside_it_with_chance_and_intervals(job: Path) -> None:
    found = _score(job).metric("facts.accuracy")
    assert found is not None
    assert found.baseline == 0.0 and found.baseline_low == 0.0
    assert found.chance == pytest.approx(1 / 3)
    assert found.low is not None and found.high is not None
    assert 0 <= found.low < 0.5 < found.high <= 1
    assert found.groups == 3  # two of the four questions are about one branch
    assert found.difference is not None and found.difference[0] == 0.5
    assert "drawn at random" in found.definition


def test_it_is_kept_as_json_with_every_answer(job: Path) -> None:
    card = _score(job)
    written = json.loads((job / "scorecard.json").read_text(encoding="utf-8"))
    assert written["schema"] == 1
    keys = {"name", "definition", "value", "low", "high", "n", "baseline", "chance"}
    assert all(keys <= metric.keys() for metric in written["metrics"])
    assert Scorecard.load(job / "scorecard.json").metrics == card.metrics
    lines = (job / written["answers"]).read_text(encoding="utf-8").splitlines()
    answers = [json.loads(line) for line in lines]
    assert [a["question"] for a in answers] == [one.question for one in ASKED]
    assert [a["tuned"]["answer"] for a in answers] == [
        DAWU,
        ZHICHUN,
        MADE_UP,
        "Dawu branch",
        "unknown",
    ]
    assert [a["tuned"]["outcome"] for a in answers] == [
        "right", "wrong-real", "invented", "right", "abstained",
    ]  # fmt: skip
    assert answers[1]["tuned"]["instead"] == [ZHICHUN]
    assert answers[2]["tuned"]["invented"] == [MADE_UP]
    assert sum(a["tuned"]["right"] for a in answers if a["meta"]["expect"]) / 4 == 0.5
    assert all(a["base"]["answer"] != a["tuned"]["answer"] for a in answers)


def test_no_scorecard_is_lost(job: Path) -> None:
    for _ in range(3):
        _score(job, base=False)
    names = {path.name for path in job.glob("scorecard*")}
    assert names == {
        f"scorecard{n}{end}" for n in ("", ".1", ".2") for end in (".json", ".answers.jsonl")
    }
    kept = json.loads((job / "scorecard.1.json").read_text(encoding="utf-8"))
    assert kept["answers"] == "scorecard.1.answers.jsonl"


def test_trained_questions_have_their_own_scorecard_and_a_warning(job: Path) -> None:
    card = _score(job, "train", base=False)
    assert (job / "scorecard-train.json").exists() and not (job / "scorecard.json").exists()
    assert "trained on" in card.words[0]
    exact = card.metric("text.exact")  # these rows say nothing of facts
    assert exact is not None and exact.value == 1.0 and exact.baseline is None
    assert card.metric("facts.accuracy") is None


def test_a_file_of_ones_own(job: Path, tmp_path: Path) -> None:
    mine = tmp_path / "My questions.jsonl"
    mine.write_text(json.dumps(ASKED[0].as_dict()), encoding="utf-8")
    card = _score(job, str(mine), base=False)
    assert (job / "scorecard-my-questions.json").exists()
    told = {"on": "file", "source": str(mine), "rows": 1, "asked": 1}
    assert card.questions == told | {"fingerprint": fingerprint_rows(ASKED[:1])}


def test_without_a_table_nothing_is_called_invented(job: Path) -> None:
    plan = Plan.load(job / "plan.json")
    card = scorecard(job, choose(plan), None, base=False)
    assert card.table is None
    names = {m.name for m in card.metrics}
    assert "facts.accuracy" in names and "facts.abstention" in names
    assert not names & {"facts.invented", "facts.wrong_real", "facts.other"}
    accuracy = card.metric("facts.accuracy")
    assert accuracy is not None and accuracy.value == 0.5 and accuracy.chance is None


def test_a_sample_is_drawn_with_a_seed_and_says_its_size(job: Path) -> None:
    card = _score(job, base=False, sample=2)
    assert (card.questions["rows"], card.questions["asked"]) == (5, 2)
    whole = Dataset("x", "messages", ASKED)
    assert drawn(whole, 3) == drawn(whole, 3)
    assert [r for r in ASKED if r in drawn(whole, 3).rows] == list(drawn(whole, 3).rows)
    assert drawn(whole, 99) is whole
    with pytest.raises(UsageError, match="at least one"):
        drawn(whole, 0)


def test_training_rows_that_changed_are_no_training_rows(job: Path, place: Path) -> None:
    plan = Plan.load(job / "plan.json")
    other = place / "changed.jsonl"
    other.write_text(json.dumps(TAUGHT[0].as_dict()), encoding="utf-8")
    from dataclasses import replace

    with pytest.raises(DataError, match="trained on"):
        choose(replace(plan, train=replace(plan.train, path=str(other))), "train")
    with pytest.raises(UsageError, match="eval"):
        choose(plan, "eval")
    with pytest.raises(DataError):
        choose(plan, "no-such-file.jsonl")


def test_the_words_do_not_flatter(job: Path) -> None:
    said = " ".join(_score(job).words)
    assert "2 of 4 questions about 3 facts" in said
    assert "1 of the 2 wrong answers" in said and ZHICHUN in said
    assert "1 of 5 answers hold a code that is in no row" in said and MADE_UP in said
    assert "are few" in said
    assert "not above what a value drawn at random" in said


def test_in_chinese(job: Path) -> None:
    from huohou import text

    text.use("zh")
    try:
        card = _score(job, base=False)
    finally:
        text.use(None)
    assert "答对 2 个" in " ".join(card.words)

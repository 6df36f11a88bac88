"""``huohou compare`` on two jobs that were asked the same questions, and on what cannot be."""

import json
import shutil
from pathlib import Path

import pytest

from huohou import text
from huohou.cli import main
from huohou.evaluate.card import Metric, Scorecard, save
from huohou.record.recorder import Journal
from scored_job import ASKED, DAWU, XINGFA, ZHICHUN, row
from tiny import tiny_job

BETTER = (
    row("code of Dawu branch?", DAWU),
    row("Xingfa, which code?", XINGFA),
    row("code of Zhichun branch?", ZHICHUN),
    row("code of Nowhere branch?", "unknown"),
    row(f"who has {DAWU}?", "Zhichun branch"),
)


@pytest.fixture(scope="module")
def two(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with job 1, which knows half of it, and job 2, which knows more; both scored."""
    home = tmp_path_factory.mktemp("two")
    shutil.copytree(place / "1-tiny", home / "1-tiny")
    settings = [f"data.test={place / 'test.jsonl'}", f"data.facts={place / 'facts.csv'}"]
    tiny_job(home / "2-tiny", BETTER, settings)
    for job in (1, 2):
        with Journal(home / f"{job}-tiny" / "job.jsonl", seg=0) as journal:
            journal.queued(job, "tiny", "sft", "base", epochs=2, steps=4, plan={})
            journal.state("completed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUOHOU_HOME", str(home))
        for number in ("1", "2"):
            assert main.run(["eval", number, "--no-base"]) == 0
    return home


def _compare(
    two: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    monkeypatch.setenv("HUOHOU_HOME", str(two))
    capsys.readouterr()
    code = main.run(["compare", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_differences_words_and_flips(
    two: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = _compare(two, monkeypatch, capsys, "1", "2")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("facts.accuracy"))
    assert line.split()[1:4] == ["50%", "75%", "+25"]
    assert "cannot be told apart" in out  # one question more of four
    assert "Worse in B by facts.accuracy: 1 questions, 1 shown\n  who has" in out
    assert "Better in B by facts.accuracy: 2 questions" in out
    assert f"    = {XINGFA}\n    A {ZHICHUN}\n    B {XINGFA}\n" in out


def test_json_has_both_sides_and_is_the_same_backwards(
    two: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = json.loads(_compare(two, monkeypatch, capsys, "1", "2", "--json")[1])
    back = json.loads(_compare(two, monkeypatch, capsys, "2", "1", "--json")[1])
    assert there["schema"] == 1 and there["first"]["card"] == back["second"]["card"]
    one, other = ({d["metric"]: d for d in found["differences"]} for found in (there, back))
    assert one.keys() == other.keys() >= {"facts.accuracy", "facts.invented", "facts.abstention"}
    for name, found in one.items():
        assert found["difference"] == pytest.approx(-other[name]["difference"])
        assert (found["higher"], found["lower"]) == (other[name]["lower"], other[name]["higher"])
        assert found["p"] == other[name]["p"]
    assert {f["question"] for f in there["flips"]} == {f["question"] for f in back["flips"]}


def test_a_card_compared_with_itself_has_not_changed(
    two: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    card = str(two / "1-tiny" / "scorecard.json")
    told = json.loads(_compare(two, monkeypatch, capsys, card, "1", "--json")[1])
    assert {(d["difference"], d["verdict"]) for d in told["differences"]} == {(0.0, "same")}
    assert told["flips"] == [] and told["settings"] == {}


def test_other_questions_are_refused(
    two: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = tmp_path / "two.jsonl"
    asked.write_text("\n".join(json.dumps(one.as_dict()) for one in ASKED[:2]), encoding="utf-8")
    monkeypatch.setenv("HUOHOU_HOME", str(two))
    assert main.run(["eval", "1", "--no-base", "--on", str(asked)]) == 0
    card = str(two / "1-tiny" / "scorecard-two.json")
    code, out, err = _compare(two, monkeypatch, capsys, card, "2")
    assert (code, out) == (2, "")
    assert "different questions" in err and "2 x" in err and "5 x" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1", "nobody"], "nobody"),
        (["1", "2", "--on", "train"], "no scorecard (questions: train)"),
        (["none.json", "2"], "none.json cannot be read as a scorecard"),
    ],
)
def test_wrong_use_is_told_in_a_line(
    two: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    code, out, err = _compare(two, monkeypatch, capsys, *words)
    assert (code, out) == (2, "")
    assert said in err


def test_in_chinese(
    two: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUOHOU_HOME", str(two))
    capsys.readouterr()
    try:
        assert main.run(["--lang", "zh", "compare", "1", "2"]) == 0
    finally:
        text.use(None)
    assert "分不出" in capsys.readouterr().out


def _many(folder: Path, right: int) -> str:
    """A card of 60 questions, that many of them right."""
    metric = Metric("facts.accuracy", "right", right / 60, None, None, 60)
    asked = {"on": "file", "source": "q", "rows": 60, "asked": 60, "fingerprint": "same"}
    card = Scorecard({"name": "x"}, asked, None, {}, (metric,))
    answers = [
        {
            "question": f"question {i}",
            "reference": "r",
            "meta": {},
            "tuned": {"answer": "a", "values": {"facts.accuracy": float(i < right)}},
        }
        for i in range(60)
    ]
    folder.mkdir()
    return str(save(card, folder, "scorecard", answers))


def test_a_large_difference_is_said_with_its_interval(
    two: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cards = [_many(tmp_path / str(right), right) for right in (55, 20)]
    found = json.loads(_compare(two, monkeypatch, capsys, *cards, "--json")[1])["differences"][0]
    assert found["verdict"] == "worse" and found["p"] < 0.001
    assert found["low"] < -35 / 60 < found["high"] < 0
    out = _compare(two, monkeypatch, capsys, *cards, "--flips", "2")[1]
    assert "B is worse" in out and "35 questions, 2 shown" in out
    assert "B is better" in _compare(two, monkeypatch, capsys, *cards[::-1])[1]


def test_a_card_whose_answers_are_gone_is_told(
    two: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    card = _many(tmp_path / "c", 10)
    (tmp_path / "c" / "scorecard.answers.jsonl").unlink()
    code, _, err = _compare(two, monkeypatch, capsys, card, card)
    assert code == 2 and "cannot be read as a scorecard with its answers" in err

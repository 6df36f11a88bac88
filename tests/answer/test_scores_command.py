"""``huohou eval --mode`` and ``huohou facts calibrate``, as they are typed, on a real table."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from asking import BRANCHES, Dice
from huohou import api
from huohou.answer.confidence import of_table, read_confidence
from huohou.api import answers
from huohou.cli.main import run


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUOHOU_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions about a few branches, and about some that are not there."""
    folder = tmp_path_factory.mktemp("asked")
    api.data_make(BRANCHES, folder / "asked.jsonl", facts=40, wordings=1, unknown=0.2)
    return folder / "asked.jsonl"


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def scored(capsys: pytest.CaptureFixture[str], asked: Path, *words: str) -> tuple[int, str, str]:
    about = ("--facts", str(BRANCHES), "--on", str(asked))
    return command(capsys, "eval", *about, *words)


def test_the_look_up_is_scored_with_its_reliability(
    capsys: pytest.CaptureFixture[str], asked: Path, tmp_path: Path
) -> None:
    code, out, err = scored(capsys, asked, "--mode", "lookup")
    assert code == 0
    assert out.startswith("lookup, no model: 50 of 50 questions")
    line = next(line for line in out.splitlines() if line.startswith("facts.accuracy "))
    assert line.split()[1] == "100%"
    assert "No code was invented in 50 answers" in out and "stated" in out
    assert "asking the look-up" in err
    kept = tmp_path / "runs" / "answers" / "branches" / "scorecard-asked-lookup.json"
    card = json.loads(kept.read_text(encoding="utf-8"))
    assert sum(one["n"] for one in card["reliability"]) == 50
    assert card["settings"]["confidence"]["found"] > 0.5
    assert card["table"]["fingerprint"]


def test_two_modes_are_compared_on_the_same_questions(
    capsys: pytest.CaptureFixture[str],
    asked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "_model", lambda *_: Dice())
    for mode in ("lookup", "grounded"):
        assert scored(capsys, asked, "--mode", mode, "--limit", "20")[0] == 0
    folder = tmp_path / "runs" / "answers" / "branches"
    cards = [str(folder / f"scorecard-asked-{mode}.json") for mode in ("lookup", "grounded")]
    code, out, _ = command(capsys, "compare", *cards, "--json")
    told = json.loads(out)
    assert code == 0 and told["settings"]["mode"] == ["lookup", "grounded"]
    assert "facts.accuracy" in {one["metric"] for one in told["differences"]}


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ("[{metric: facts.accuracy, min: 0.8}, {metric: facts.invented, max: 0}]", 0),
        ("[{metric: confidence.right, min: 0.5}, {metric: speed.seconds_p95, max: 600}]", 0),
        ("[{metric: speed.seconds_p50, max: 0}]", 1),
        ("[{metric: loss.train, max: 0.5}]", 3),
    ],
)
def test_gates_of_an_engine(
    capsys: pytest.CaptureFixture[str], asked: Path, tmp_path: Path, gates: str, expected: int
) -> None:
    (tmp_path / "gates.yaml").write_text(f"gates: {gates}", encoding="utf-8")
    about = ("--mode", "lookup", "--limit", "20", "--gate", str(tmp_path / "gates.yaml"))
    assert scored(capsys, asked, *about)[0] == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mode", "lookup"], "Name a run"),
        ([], "Name a run"),
        (["--facts", str(BRANCHES)], "--facts goes with --mode"),
        (["--facts", str(BRANCHES), "--mode", "lookup", "--on", "train"], "rows of a run"),
        (["--facts", "none.csv", "--mode", "lookup"], "none.csv"),
    ],
)
def test_wrong_use_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    code, out, err = command(capsys, "eval", *words)
    assert (code, out) == (2, "")
    assert said in err


def test_questions_are_made_where_none_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    about = ("--facts", str(BRANCHES), "--mode", "lookup", "--limit", "60", "--json")
    code, out, _ = command(capsys, "eval", *about)
    told = json.loads(out)
    found = {metric["name"]: metric for metric in told["metrics"]}
    assert code == 0 and told["questions"]["on"] == "made"
    assert found["facts.accuracy"]["value"] > 0.85
    assert found["facts.invented"]["value"] == 0.0
    assert found["facts.wrong_real"]["value"] <= 0.05


def test_a_table_is_calibrated_and_found_beside_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = Path(shutil.copy(BRANCHES, tmp_path / "banks.csv"))
    code, out, err = command(capsys, "facts", "calibrate", str(table), "--error", "0.05")
    assert code == 0
    assert "calibration error" in out and str(tmp_path / "banks.confidence.json") in out
    assert "asking the look-up" in err
    fitted = read_confidence(tmp_path / "banks.confidence.json")
    assert of_table(str(table)) == fitted and fitted.error == 0.05
    assert fitted.about["calibration_error"] < 0.1
    engine = api.open_engine(table, mode="lookup")
    assert engine.confidence == fitted
    assert engine.ask("大悟农商行兴发支行", "lookup").values == ("402535510938",)
    again = command(capsys, "facts", "calibrate", str(table))
    assert again[0] == 2 and "--force" in again[2]


def test_a_handful_of_facts_cannot_be_calibrated(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "few.csv").write_text("name,code\nAlpha,100001\nBeta,100002\n", encoding="utf-8")
    code, _, err = command(capsys, "facts", "calibrate", str(tmp_path / "few.csv"))
    assert code == 3 and "too few to calibrate" in err
    assert not (tmp_path / "few.confidence.json").exists()

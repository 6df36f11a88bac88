"""``huohou diagnose`` and ``huohou explain`` as they are typed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from huohou import text
from huohou.cli.main import run
from huohou.data.checks import checks
from huohou.diagnose.examples import falling
from huohou.record.recorder import Journal, Recorder

REPORTS = Path(__file__).parents[2] / "docs" / "samples" / "reports"
LOSSES = falling(2.0, 1.0, n=60)


def log(folder: Path, evals: list[float], losses: list[float] = LOSSES) -> Path:
    gap = len(losses) // len(evals) if evals else 1
    rows = []
    for i, loss in enumerate(losses, start=1):
        rows.append({"step": 10 * i, "epoch": i / 20, "loss": loss, "learning_rate": 1e-4})
        if evals and i % gap == 0 and i // gap <= len(evals):
            rows.append({"step": 10 * i, "epoch": i / 20, "eval_loss": evals[i // gap - 1]})
    path = folder / "trainer_state.json"
    path.write_text(json.dumps({"global_step": 600, "max_steps": 600, "log_history": rows}))
    return path


GOOD = [1.8, 1.4, 1.2, 1.1, 1.05, 1.04]
BAD = [1.8, 1.4, 1.2, 1.3, 1.5, 1.6, 1.9]


CASES = {
    "HEALTHY": (GOOD, LOSSES, 0),
    "overfit": (BAD, falling(2.0, 0.1, n=63), 1),
    "CANNOT JUDGE": ([], [2.0, 1.9], 3),
    "nan-loss": ([], [2.0, float("nan"), float("nan")], 1),
}


@pytest.mark.parametrize("word", CASES)
def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    evals, losses, code = CASES[word]
    path = str(log(tmp_path, evals, losses))
    assert run(["diagnose", path]) == code
    assert word in capsys.readouterr().out
    assert run(["diagnose", path, "--exit-zero"]) == 0
    capsys.readouterr()
    assert run(["diagnose", path, "--json"]) == code
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert told["schema"] == 1 and told["source"]["reader"] == "trainer-state"


def test_unreadable_is_one_line_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.json").write_text('{"log_history": [{"loss": 1')
    (tmp_path / "empty").mkdir()
    for place in ("missing.json", "broken.json", "empty"):
        assert run(["diagnose", str(tmp_path / place)]) == 2
        out, err = capsys.readouterr()
        assert not out and err.startswith("Error: ") and err.count("\n") == 1, err
    assert run(["diagnose", str(tmp_path / "empty"), "--reader", "nonsense"]) == 2
    assert "trainer-state" in capsys.readouterr().err


def test_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(log(tmp_path, BAD, falling(2.0, 0.1, n=63)))
    assert run(["--lang", "zh", "diagnose", path]) == 1
    assert "过拟合" in capsys.readouterr().out


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("case", ["CANNOT JUDGE", "HEALTHY", "a report"])
def test_every_check_that_did_not_run_is_listed_with_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str, language: str
) -> None:
    path = REPORTS / f"job.{language}.txt"
    if case != "a report":
        evals, losses, _ = CASES[case]
        path = log(tmp_path, evals, losses)
    run(["--lang", language, "diagnose", str(path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert {"data-overlap", "same-as-base"} <= {one["code"] for one in told["skipped"]}
    assert (told["verdict"] == "cannot-judge") is (case != "HEALTHY")
    run(["--lang", language, "diagnose", str(path)])
    lines = capsys.readouterr().out.splitlines()
    for one in told["skipped"]:
        told_so = [line for line in lines if one["needs"] in line and one["code"] in line]
        assert told_so, one


def test_one_loss_that_is_wanted_is_no_plural(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f'{{"step": {i}, "eval_loss": 2.0}}\n' for i in range(1, 4)))
    run(["diagnose", str(path)])
    out = capsys.readouterr().out
    assert "Wanted: a training loss." in out and "at least 1 values" not in out


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain"]) == 0
    assert "overfit" in capsys.readouterr().out
    assert run(["explain", "overfit"]) == 0
    assert "Prechelt" in capsys.readouterr().out
    assert run(["explain", "overfit", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["code"] == "overfit"
    assert run(["explain", "overfitt"]) == 2
    assert "Did you mean overfit?" in capsys.readouterr().err


def test_codes_of_data_checks_are_explained_too(capsys: pytest.CaptureFixture[str]) -> None:
    for code, _ in checks:
        assert run(["explain", code]) == 0
        assert capsys.readouterr().out.startswith(f"{code}: ")


def test_needs_no_training_stack(tmp_path: Path) -> None:
    """The base install reads and diagnoses: nothing heavy is even imported."""
    path = log(tmp_path, GOOD)
    code = (
        "import sys; from huohou.cli.main import run; "
        f"assert run(['diagnose', {str(path)!r}]) == 0; "
        "heavy = {'torch', 'transformers', 'scipy', 'pandas', 'sqlalchemy'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    env = {**os.environ, "HUOHOU_LANG": "en"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def job(home: Path, losses: list[float]) -> Path:
    """A job's folder as training process and supervisor write it."""
    folder = home / "1-bank-codes"
    folder.mkdir(parents=True)
    with Journal(folder / "job.jsonl", seg=0) as journal:
        journal.queued(1, "bank-codes", "sft", "tiny", epochs=3, steps=len(losses))
        journal.state("completed")
    with Recorder(folder / "events.jsonl") as recorder:
        recorder.start(steps=len(losses), epochs=3, vocabulary=100)
        for step, loss in enumerate(losses, start=1):
            recorder.metrics(step, 3 * step / len(losses), loss=loss, learning_rate=1e-4)
            if step % 10 == 0:
                recorder.eval(step, 3 * step / len(losses), eval_loss=loss)
        recorder.end("completed")
    return folder


@pytest.mark.parametrize("ref", ["last", "1", "bank-codes", "FOLDER"])
def test_run_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ref: str
) -> None:
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path))
    folder = job(tmp_path, falling(9.0, 3.0, n=60))
    named = str(folder) if ref == "FOLDER" else ref
    assert run(["diagnose", named]) == 1
    out = capsys.readouterr().out
    assert "huohou-run" in out and "loss-above-uniform" in out, "ln 100 is 4.6"


def test_unknown_run_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path))
    assert run(["diagnose", "nothing-like-it"]) == 2
    assert "nothing-like-it" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--html", "--next"])
def test_a_folder_that_is_not_there_is_no_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    path = str(log(tmp_path, GOOD))
    assert run(["diagnose", path, option, str(tmp_path / "none" / "file")]) == 2
    told = capsys.readouterr()
    assert "there is no folder" in told.err and "Traceback" not in told.err and not told.out


def test_a_model_without_rows_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diagnose", str(log(tmp_path, GOOD)), "--model", "smollm2-135m"]) == 2
    assert "--data FILE" in capsys.readouterr().err


def test_a_folder_with_logs_of_other_names_tells_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "adamw.csv").write_text("iter,train_loss\n1,2.0\n2,1.9\n")
    assert run(["diagnose", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "adamw.csv" in told and f"huohou diagnose {tmp_path / 'adamw.csv'}" in told


def test_the_place_of_the_language_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """With the language that was asked for, not the one that the answer is in."""
    for typed in (["--lang", "zh"], ["--lang=zh"]):
        assert run(["diagnose", "x.json", *typed]) == 2
        assert "huohou --lang zh diagnose" in capsys.readouterr().err
    assert run(["diagnose", "x.json", "--lang"]) == 2
    assert "huohou --lang en diagnose" in capsys.readouterr().err


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("code", ["invented-fact", "scorer-changed"])
def test_a_code_that_is_measured_is_explained(
    capsys: pytest.CaptureFixture[str], code: str, language: str
) -> None:
    """Each code that a diagnosis lists as not checked can be asked about."""
    assert run(["--lang", language, "explain", code]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{code}: ") and "huohou eval RUN" in out
    assert ("facts.invented" in out) is (code == "invented-fact")
    assert run(["--lang", language, "explain", code, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == 1 and told["code"] == code and told["tier"] == "probe"
    assert run(["--lang", language, "explain"]) == 0
    assert code in capsys.readouterr().out


def test_every_code_that_a_diagnosis_names_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["diagnose", str(log(tmp_path, GOOD)), "--json"])
    told = json.loads(capsys.readouterr().out)
    codes = {*told["ran"], *(one["code"] for one in told["skipped"])}
    run(["explain", "--json"])
    assert codes <= {one["code"] for one in json.loads(capsys.readouterr().out)["rules"]}

"""``huohou eval`` as it is typed: output, exit codes, errors."""

import json
from pathlib import Path

import pytest

from huohou.cli import main
from huohou.record.recorder import Journal


@pytest.fixture
def run_id(job: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The job as number 1 of the workspace."""
    monkeypatch.setenv("HUOHOU_HOME", str(job.parent))
    with Journal(job / "job.jsonl", seg=0) as journal:
        journal.queued(1, "tiny", "sft", "base", epochs=2, steps=4, plan={})
        journal.state("completed")
    return "1"


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main.run(["eval", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_table_has_tuned_base_chance_and_words(
    run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _run(capsys, run_id)
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("facts.accuracy"))
    assert line.split()[1] == "50%" and line.endswith("33%  4")
    assert "everyday" in out and "reverse" in out
    assert "2 of 4 questions" in out
    assert "asking the tuned model" in err and "10 of 10 answers" in err
    assert "\x1b" not in out


def test_of_facts_llamafactorys_bleu_alone_is_shown(
    run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = _run(capsys, run_id, "--no-base", "--memory", "0")
    shown = {line.split()[0] for line in out.splitlines() if line.strip()}
    assert "llamafactory.bleu4" in shown and "llamafactory.rouge1" not in shown
    assert not {name for name in shown if name.startswith(("memory.", "text."))}
    assert "(references" in next(line for line in out.splitlines() if "answers.repeated" in line)


def test_json_is_the_whole_answer(run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "tiny", "--json", "--no-base")
    told = json.loads(out)
    assert code == 0 and told["schema"] == 1
    assert {"name", "definition", "value", "low", "high", "n", "baseline", "chance"} <= told[
        "metrics"
    ][0].keys()
    assert all(metric["baseline"] is None for metric in told["metrics"])


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ("[{metric: facts.accuracy, min: 0.5}, {metric: loss.gap, max: 0.21}]", (0, "gate passed")),
        (
            "[{metric: facts.accuracy, min: 0.8}]",
            (1, "gate FAILED: facts.accuracy >= 0.8 (found 0.5)"),
        ),
        ("[{metric: facts.accuracy.reverse, min: 0.9, max: 1}]", (0, "gate passed")),
        ("[{metric: text.exact, min: 0.8}]", (3, "gate not judged")),
        (
            "[{metric: text.exact, min: 0.8}, {metric: facts.invented, max: 0}]",
            (1, "gate not judged"),
        ),
    ],
)
def test_gates(
    run_id: str,
    job: Path,
    capsys: pytest.CaptureFixture[str],
    gates: str,
    expected: tuple[int, str],
) -> None:
    (job / "gates.yaml").write_text(f"gates: {gates}", encoding="utf-8")
    found, out, _ = _run(capsys, "last", "--no-base", "--gate", str(job / "gates.yaml"))
    assert found == expected[0]
    assert expected[1] in out
    kept = json.loads((job / "scorecard.json").read_text(encoding="utf-8"))
    assert len(kept["gates"]) == gates.count("metric")


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        ("gates: [{metric: facts.acuracy, min: 0.8}]", "Did you mean facts.accuracy?"),
        ("gates: [{metric: loss.gap.full, min: 0.8}]", "Did you mean loss.gap?"),
        ("gates: [{metric: facts.accuracy}]", "gate 1"),
        ("gates: [{metric: facts.accuracy, least: 0.8}]", "gate 1"),
        ("gates: [{metric: facts.accuracy, min: high}]", "min = 'high' is not a number"),
        ("gates: [{metric: facts.accuracy, min: .nan}]", "not a number"),
        ("gates: []", "`gates:`"),
        ("gate: []", "`gates:`"),
        ("gates: {", "not YAML"),
    ],
)
def test_a_wrong_gates_file_is_told_before_anything_is_asked(
    run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], gates: str, said: str
) -> None:
    (tmp_path / "gates.yaml").write_text(gates, encoding="utf-8")
    code, out, err = _run(capsys, run_id, "--gate", str(tmp_path / "gates.yaml"))
    assert (code, out) == (2, "")
    assert said in err and "asking" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "nobody"),
        (["1", "--on", "missing.jsonl"], "missing.jsonl"),
        (["1", "--on", "eval"], "no eval questions"),
        (["1", "--limit", "0"], "limit"),
    ],
)
def test_wrong_use_is_told_in_a_line(
    run_id: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, out, err = _run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_a_job_without_weights_says_so(
    run_id: str, job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (job / "adapter" / "adapter_model.safetensors").unlink()
    code, _, err = _run(capsys, run_id)
    assert code == 2 and "no trained weights yet" in err

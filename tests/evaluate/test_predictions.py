"""Answers in a file are scored as LLaMA-Factory scores them, and as others do, without a model."""

import json
import sys
from pathlib import Path

import pytest

from huohou.cli import main
from huohou.errors import DataError
from huohou.evaluate.card import Scorecard
from huohou.evaluate.predictions import scorecard
from huohou.measure.text.llamafactory import bleu4, rouges

ROWS = [
    ("退款要多久？", "收到退货后我们会在30个工作日内退款。", "收到退货后我们会在3个工作日内退款。"),
    ("Can I bring a dog?", "Dogs are allowed.", "Dogs are not allowed."),
    ("hours?", "We are open from Monday to Friday.", "We are open from Monday to Friday."),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    lines = [
        json.dumps({"prompt": q, "predict": a, "label": r}, ensure_ascii=False) for q, a, r in ROWS
    ]
    path = tmp_path / "generated_predictions.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main.run(["eval", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_llamafactorys_numbers_are_found_again(file: Path, tmp_path: Path) -> None:
    card = scorecard(file, tmp_path / "out")
    values = {m.name: m.value for m in card.metrics}
    assert values["llamafactory.bleu4"] == pytest.approx(sum(bleu4(a, r) for _, a, r in ROWS) / 3)
    assert values["llamafactory.rougeL"] == pytest.approx(
        sum(rouges(a, r)[2] for _, a, r in ROWS) / 3
    )
    assert values["text.normalised"] == pytest.approx(1 / 3)
    assert not {name for name in values if name.startswith(("speed.", "answers.stop", "facts."))}
    assert any("yet 33% are right" in sentence for sentence in card.words)
    kept = (tmp_path / "out" / card.answers).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["line"] for line in kept] == [1, 2, 3]
    assert Scorecard.load(tmp_path / "out" / "scorecard.json").metrics == card.metrics


@pytest.mark.parametrize(("stated", "said"), [(0.0, "counted here"), (5.0, "not of these answers")])
def test_its_own_results_beside_the_file_are_held_against_them(
    file: Path, tmp_path: Path, stated: float, said: str
) -> None:
    mean = sum(bleu4(a, r) for _, a, r in ROWS) / 3
    results = {"predict_bleu-4": mean - stated, "predict_rouge-1": "?", "predict_runtime": 1.0}
    (tmp_path / "predict_results.json").write_text(json.dumps(results), encoding="utf-8")
    found = [s for s in scorecard(file, tmp_path / "out").words if "predict_bleu-4" in s]
    assert len(found) == 1 and said in found[0]
    (tmp_path / "predict_results.json").write_text("{torn", encoding="utf-8")
    assert not [s for s in scorecard(file, tmp_path / "out").words if "predict_" in s]


def test_files_of_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "swift.jsonl"
    path.write_text(json.dumps({"response": "yes", "labels": "yes", "messages": []}) + "\n")
    assert scorecard(path, tmp_path / "out").metric("text.exact").value == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"predict": "a"}\n', "generated.jsonl:1"),
        ('{"predict": "a", "label": "b"}\n{"predict": null, "label": "b"}\n', "generated.jsonl:2"),
        ('{"predict": "a", "label": ["b"]}\n', "label"),
        ("", "generated.jsonl"),
        ("{torn\n", "generated.jsonl"),
    ],
)
def test_what_cannot_be_scored_says_where(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "generated.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        scorecard(path, tmp_path / "out")
    assert not (tmp_path / "out" / "scorecard.json").exists()


def test_as_it_is_typed(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "runs"))
    code, out, _ = _run(capsys, "--predictions", str(file))
    assert code == 0 and "llamafactory.bleu4" in out and "text.bleu" in out
    (tmp_path / "gates.yaml").write_text("gates: [{metric: text.normalised, min: 0.8}]")
    code, out, _ = _run(
        capsys, "--predictions", str(file), "--gate", str(tmp_path / "gates.yaml"), "--json"
    )
    assert code == 1 and json.loads(out)["gates"][0]["passed"] is False
    code, _, err = _run(capsys, "1", "--predictions", str(file))
    assert code == 2 and "RUN" in err
    code, _, err = _run(capsys, "--predictions", str(tmp_path / "none.jsonl"))
    assert code == 2 and "none.jsonl" in err


def test_no_model_and_no_torch_are_needed(file: Path, tmp_path: Path) -> None:
    import subprocess

    script = (
        "import sys; from pathlib import Path; from huohou.evaluate.predictions import scorecard; "
        f"scorecard(Path({str(file)!r}), Path({str(tmp_path / 'out')!r})); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()

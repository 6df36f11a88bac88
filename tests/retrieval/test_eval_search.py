"""``huohou eval`` and ``huohou report`` of a search as they are typed."""

import json
from pathlib import Path

import pytest

from huohou.cli import main
from huohou.models.encoder import Head, load_encoder
from huohou.record.recorder import Journal, Recorder
from search_job import pairs_folder, search_job, search_plan
from tiny_encoder import tiny_encoder_folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with run 1, and run 2 whose model has another head than its base."""
    place = tmp_path_factory.mktemp("typed")
    data = pairs_folder(place / "pairs")
    base = tiny_encoder_folder(place / "base")
    plan = search_plan(data, base)
    search_job(place / "1-one", plan, tiny_encoder_folder(place / "tuned", seed=1))
    load_encoder(str(base), head=Head(dim=8, hidden=16)).save(place / "with-head")
    search_job(place / "2-two", plan, place / "with-head")
    for number, name in ((1, "one"), (2, "two")):
        folder = place / f"{number}-{name}"
        with Journal(folder / "job.jsonl", seg=0) as journal:
            journal.queued(number, name, "embed", "base", epochs=2, steps=4, plan={})
            journal.state("completed")
        with Recorder(folder / "events.jsonl") as recorder:
            recorder.metrics(1, 1.0, loss=1.0)
    return place


@pytest.fixture(autouse=True)
def _workspace(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUOHOU_HOME", str(place))


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main.run([*arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_table_has_every_search_and_chance(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "eval", "one")
    assert code in (0, 1)  # 1: the doctor of the score finds a ranking below chance
    lines = out.splitlines()
    for begin in ("search", "BM25", "the base encoder", "this run", "chance", "of 6 candidates"):
        assert any(line.startswith(begin) for line in lines), begin
    assert "McNemar" in out and "gains of about" in out
    assert "encoding with this run's model" in err and "encoding with the base encoder" in err
    assert "\x1b" not in out


def test_json_has_the_contract_and_more(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = _run(capsys, "eval", "one", "--json", "--no-base")
    told = json.loads(out)
    keys = {"name", "definition", "value", "low", "high", "n", "baseline", "chance"}
    assert told["schema"] == 1 and keys <= told["metrics"][0].keys()
    assert told["metrics"][0]["baseline"] is None
    assert [one["second"] for one in told["comparisons"]] == ["bm25"]


def test_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = _run(capsys, "--lang", "zh", "eval", "one")
    assert "基础编码器" in out and "随机" in out


@pytest.mark.parametrize(
    ("gates", "code", "said"),
    [
        ("[{metric: bm25.ndcg@10, min: 0.5}]", (0, 1), "gate passed"),
        ("[{metric: retrieval.recall@1, min: 0.99}]", (1,), "gate FAILED"),
        ("[{metric: stage2.ndcg@10, min: 0.5}]", (1, 3), "not judged"),
        ("[{metric: retrieval.ndgc@10, min: 0.5}]", (2,), "Did you mean retrieval.ndcg@10?"),
    ],
)
def test_gates(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, gates: str, code: tuple[int], said: str
) -> None:
    (tmp_path / "gates.yaml").write_text(f"gates: {gates}", encoding="utf-8")
    found, out, err = _run(capsys, "eval", "one", "--gate", str(tmp_path / "gates.yaml"))
    assert found in code and said in out + err


def test_refusals_have_their_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "eval", "one", "--on", "train")
    assert (code, out) == (2, "") and "trained-on-eval" in err
    code, out, err = _run(capsys, "eval", "two")
    assert (code, out) == (3, "") and "scorer-changed" in err
    code, out, _ = _run(capsys, "eval", "two", "--no-base")
    assert code in (0, 1) and "this run" in out


def test_forced_numbers_are_marked_wherever_they_stand(
    capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    code, out, _ = _run(capsys, "eval", "one", "--on", "train", "--force")
    assert code == 1 and "trained-on-eval" in out
    lines = [line for line in out.splitlines() if line.startswith(("BM25", "this run"))]
    assert lines[0].endswith("TRAINED ON") and lines[1].endswith("TRAINED ON")


def test_report(capsys: pytest.CaptureFixture[str], place: Path, tmp_path: Path) -> None:
    _run(capsys, "eval", "one")
    code, out, _ = _run(capsys, "report", "one", "-o", str(tmp_path / "r"), "--json")
    files = json.loads(out)["files"]
    assert code == 0 and [Path(file).name for file in files] == ["report.md", "report.html"]
    text = Path(files[0]).read_text(encoding="utf-8")
    assert "BM25" in text and "fixed" in text
    assert _run(capsys, "report", "one", "-o", str(tmp_path / "r"))[0] == 2
    assert _run(capsys, "report", "nobody")[0] == 2

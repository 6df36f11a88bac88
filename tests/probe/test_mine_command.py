"""``huohou mine``: from a folder of pairs to negatives that can be trained on, and back again."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from huohou.cli import _mine
from huohou.data.pairs import read_pairs
from tiny_encoder import tiny_encoder_folder

Written = Callable[..., tuple[int, str, str]]
TEXTS = (
    "open a file and read its lines",
    "sort a list in place",
    "return the absolute value of a number",
    "encode bytes as a string",
    "start a thread and wait for it",
    "put a value into a queue",
    "close a socket",
    "parse json from a string",
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUOHOU_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder") / "base")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A BEIR folder: p0 to p5 train, p6 and p7 of a document of the test."""
    folder = tmp_path / "pairs"
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"p{i}", "text": text, "document": f"d{i}"} for i, text in enumerate(TEXTS)]
    queries = [{"_id": f"q{i}", "text": " ".join(text.split()[:2])} for i, text in enumerate(TEXTS)]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, numbers in (("train", range(6)), ("test", range(6, 8))):
        lines = "".join(f"q{i}\tp{i}\t1\n" for i in numbers)
        (folder / "qrels" / f"{name}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{lines}")
    return folder


def mined(huohou: Written, *arguments: object) -> dict[str, object]:
    code, out, _ = huohou("mine", *arguments, "--json")
    assert code == 0
    found: dict[str, object] = json.loads(out)
    return found


def test_mining_writes_what_can_be_trained_on_and_reviewed(
    huohou: Written, pairs: Path, model: Path, tmp_path: Path
) -> None:
    to = tmp_path / "mined"
    code, out, err = huohou("mine", pairs, "-o", to, "--model", model, "--relative", 0)
    assert code == 0
    assert "6 training queries over 6 of 8 passages" in out
    assert "24 negatives kept" in out and "a negative now" in out
    assert "5 beside the right ones" in err
    back = read_pairs(to / "hard_negatives.jsonl")
    assert len(back) == 6 and all(len(query.negatives) == 4 for query in back.queries)
    texts = {passage.text for passage in back.passages}
    assert texts == set(TEXTS[:6])
    first, *rows = map(json.loads, (to / "ledger.jsonl").read_text("utf-8").splitlines())
    assert len(first["fingerprint"]) == 64
    assert {row["passage"] for row in rows} == {f"p{i}" for i in range(6)}


def test_a_reviewed_ledger_makes_a_positive_and_vectors_are_not_made_again(
    huohou: Written, pairs: Path, model: Path, tmp_path: Path
) -> None:
    options = ("--model", model, "--relative", 0)
    first = mined(huohou, pairs, "-o", tmp_path / "a", *options)
    assert first["encoded"] == 12 and first["promoted"] == 0
    ledger = tmp_path / "a" / "ledger.jsonl"
    rows = [json.loads(line) for line in ledger.read_text("utf-8").splitlines()]
    chosen = next(row for row in rows[1:] if row["query"] == "q2")
    chosen["promote"] = True
    ledger.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    again = mined(huohou, pairs, "-o", tmp_path / "b", *options, "--reviewed", ledger)
    assert again["encoded"] == 0 and again["promoted"] == 1
    lines = (tmp_path / "b" / "hard_negatives.jsonl").read_text("utf-8").splitlines()
    row = next(row for row in map(json.loads, lines) if row["id"] == "q2")
    assert row["positive_ids"] == ["p2", chosen["passage"]]
    assert chosen["passage"] not in row["negative_ids"]


def test_the_same_call_gives_the_same_files_and_never_writes_over_them_unasked(
    huohou: Written, pairs: Path, model: Path, tmp_path: Path
) -> None:
    call = (pairs, "-o", tmp_path / "a", "--model", model)
    mined(huohou, *call)
    ledger = tmp_path / "a" / "ledger.jsonl"
    before = ledger.read_bytes()
    code, _, err = huohou("mine", *call)
    assert code == 2 and "--force" in err
    mined(huohou, *call, "--force", "--no-cache")
    assert ledger.read_bytes() == before


def test_another_encoder_as_judge_is_asked(
    huohou: Written, pairs: Path, model: Path, tmp_path: Path
) -> None:
    options = ("--model", model, "--relative", 0, "--judge", model, "--negatives", 2)
    mined(huohou, pairs, "-o", tmp_path / "a", *options)
    lines = (tmp_path / "a" / "ledger.jsonl").read_text("utf-8").splitlines()[1:]
    rows = [json.loads(line) for line in lines]
    for row in rows:  # the judge is the searcher itself: it agrees with every score
        assert row["judge"] == pytest.approx(row["score"], abs=1e-5)
        above = row["judge"] >= row["judge_positive"]
        assert above == (row["reason"] == "judged-right")


def test_one_line_for_what_cannot_be_mined(
    huohou: Written, pairs: Path, model: Path, tmp_path: Path
) -> None:
    to = tmp_path / "out"
    for arguments, told in (
        ((pairs, "--ranks", 1, 2), "--ranks"),
        ((pairs, "--reviewed", pairs / "corpus.jsonl"), "corpus.jsonl:1: this is no line"),
        ((tmp_path / "none.jsonl",), "none.jsonl"),
    ):
        code, out, err = huohou("mine", *arguments, "-o", to, "--model", model)
        assert (code, out) == (2, "") and told in err
        assert len(err.strip().splitlines()) == 1
    assert not to.exists()


def test_a_cluster_that_cannot_be_asked_is_said_before_anything_is_done(
    huohou: Written, pairs: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ("mine", pairs, "-o", tmp_path / "out", "--model", model)
    for options, told in (
        (("--on", "torchrun"), "torchrun starts workers of a training only"),
        (("--workers", 2), "2 workers were asked for, and --on local is one process"),
        (("--on", "cloud"), "compute.on"),
        (("--on", "ray://127.0.0.1:9"), "Nobody listens at 127.0.0.1:9"),
    ):
        code, out, err = huohou(*call, *options)
        assert (code, out) == (2, "") and told in err
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else name)
    code, _, err = huohou(*call, "--on", "ray")
    assert code == 2 and "huohou[scale]" in err
    assert not (tmp_path / "out").exists()


def test_progress_of_what_takes_long_is_told_in_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 10.0, 11.0, 90.0, 100.0, 101.0])
    monkeypatch.setattr(_mine.time, "monotonic", lambda: next(clock))
    with _mine.encoding() as progress:
        for done in (0, 10, 100, 101, 900, 0, 10):
            progress(done, 1000)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "Encoding: 100 of 1000 texts, 1 min 30 s left",
        "Encoding: 900 of 1000 texts, 10 s left",
    ]

"""``data make-pairs``, and ``data check`` and ``data stats`` on pairs: what people see."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

Written = Callable[..., tuple[int, str, str]]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    rows = [
        {
            "query": f"which number is {i * 7919}?",
            "positive": f"Drawn: {sha256(b'%d' % i).hexdigest()}",
            "document_id": f"day {i // 2}",
        }
        for i in range(20)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_make_check_and_describe(huohou: Written, pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, err = huohou("data", "make-pairs", pairs, out, "--eval", 2, "--test", 0.3)
    assert (code, err) == (0, "")
    assert f"{pairs}: 20 queries, 20 passages of 10 documents, format pairs (found out)" in said
    assert "train: 10 queries on 10 passages of 5 documents" in said
    assert "eval: 4 queries on 4 passages of 2 documents" in said
    assert f"huohou data check {out}" in said
    code, said, _ = huohou("data", "check", out, "--json")
    found = json.loads(said)
    assert code == 0
    assert found["findings"] == found["skipped"] == []
    assert (found["source"]["queries"], found["eval"]["queries"]) == (10, 4)
    code, said, _ = huohou("data", "stats", out)
    assert code == 0
    assert "test: 6 queries on 6 passages of 3 documents" in said
    assert "passages that answer a query, each: min 1, median 1, 95% 1, max 1" in said
    assert "entities: 0 of 20 pairs have them on both sides" in said
    code, said, err = huohou("data", "make-pairs", pairs, out)
    assert (code, said) == (2, "")
    assert "there already" in err


def test_overlap_and_duplicates_are_found(huohou: Written, pairs: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in pairs.read_text("utf-8").splitlines()]
    leaks = [
        {**rows[0], "positive": "Something else that is far from all the others."},
        {"query": "what of the second?", "positive": rows[1]["positive"].upper()},
        {"query": "what of the day?", "positive": "Wholly new words.", "document_id": "day 3"},
        {"query": "is this new?", "positive": "This was never seen by anybody before."},
        {"query": "is this one new?", "positive": "This was never seen by anybody before!"},
    ]
    watched = tmp_path / "eval.jsonl"
    watched.write_text("".join(json.dumps(row) + "\n" for row in leaks), "utf-8")
    code, out, _ = huohou("data", "check", pairs, "--eval", watched)
    assert code == 1
    assert "error  data-overlap  Queries of eval that train gives away: 3 of 5 (60%)" in out
    assert f"the same words as {pairs}:1" in out
    assert "its passage answers a query of train too" in out
    assert f"its document day 3 is asked for in train too ({pairs}:7)" in out
    code, out, _ = huohou("data", "check", watched, "--json")
    found = json.loads(out)
    assert code == 1
    assert [one["code"] for one in found["findings"]] == ["data-duplicates"]
    assert [one["code"] for one in found["skipped"]] == ["data-overlap"]


def test_rows_of_conversations_are_still_rows(huohou: Written, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "who?", "answer": "me"}\n', "utf-8")
    assert "format prompt_completion" in huohou("data", "check", path)[1]
    code, out, _ = huohou("data", "check", path, "--format", "pairs")
    assert code == 0
    assert "1 queries, 1 passages of 1 documents, format pairs" in out


def test_wrong_use_is_one_clear_line(huohou: Written, pairs: Path, tmp_path: Path) -> None:
    for arguments in ([pairs], [pairs, tmp_path / "out", "--from-python"], []):
        code, out, err = huohou("data", "make-pairs", *arguments)
        assert (code, out) == (2, "")
        assert "make-pairs wants FILE OUT, or --from-python OUT" in err
    code, _, err = huohou("data", "check", pairs, "--model", "smollm2-135m")
    assert code == 2
    assert "counted in characters" in err
    one = tmp_path / "one.jsonl"
    one.write_text('{"query": "who?", "positive": "me"}\n', "utf-8")
    code, _, err = huohou("--lang", "zh", "data", "make-pairs", one, tmp_path / "out")
    assert code == 2
    assert "同一文档" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_from_the_standard_library(huohou: Written, tmp_path: Path) -> None:
    code, out, err = huohou("data", "make-pairs", "--from-python", tmp_path / "std")
    assert code == 0
    assert "format python" in out
    assert "docstrings are left out" in err
    assert huohou("data", "check", tmp_path / "std")[0] == 0

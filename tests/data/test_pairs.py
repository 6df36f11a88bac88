"""Pairs for retrieval: read from rows, written and read back, told apart by their content."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.data.pairs import (
    PairSet,
    Passage,
    Query,
    Span,
    fingerprint_pairs,
    read_pairs,
    write_pairs,
)
from huohou.data.pairs.read import is_pairs
from huohou.errors import DataError, UsageError


def lines(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def beir(folder: Path, qrels: str = "q1\tp1\t1\n", **files: list[Any]) -> Path:
    corpus = files.get("corpus", [{"_id": "p1", "text": "one"}, {"_id": "p2", "text": "two"}])
    lines(folder / "corpus.jsonl", *corpus)
    lines(folder / "queries.jsonl", *files.get("queries", [{"_id": "q1", "text": "which?"}]))
    (folder / "qrels").mkdir()
    (folder / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels, "utf-8")
    return folder


def test_rows_with_one_query_are_one_query(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "pairs.jsonl",
        {
            "anchor": "capital?",
            "positive": "Berlin",
            "negative": "Bonn",
            "document_id": "d1",
            "answers": ["B"],
        },
        {
            "anchor": "capital?",
            "positive": "Paris",
            "negatives": ["Lyon", "Bonn", "Berlin"],
            "answers": {"text": ["P", "B"]},
        },
        {"anchor": "river?", "positive": "Rhine", "negative_1": "Bonn", "negative_2": ""},
        {"anchor": "river?", "positive": "Rhine"},
    )
    pairs = read_pairs(path)
    capital, river = pairs.queries
    text = {p.id: p.text for p in pairs.passages}
    assert [text[id] for id in capital.positives] == ["Berlin", "Paris"]
    assert [text[id] for id in capital.negatives] == ["Bonn", "Lyon"]  # not its own positive
    assert [text[id] for id in river.negatives] == ["Bonn"]
    assert pairs.documents_of(capital) == ("d1", capital.positives[1])
    assert pairs.repeated == 1
    assert capital.answers == ("B", "P")
    assert len(pairs.notes) == 2
    assert pairs.place(river) == f"{path}:3"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'query,positive,negatives\nwho?,me,"[""you"", ""they""]"\n'),
        ("a.tsv", "question\tdocument\tnegative_1\tnegative_2\nwho?\tme\tyou\tthey\n"),
        ("a.json", '[{"query": "who?", "pos": ["me"], "neg": ["you", "they"]}]'),
        (
            "a.jsonl",
            '{"query": "who?", "positive_passages": [{"docid": "7", "title": "", "text": "me"}], '
            '"negative_passages": [{"text": "you"}, {"text": "they"}]}',
        ),
    ],
)
def test_what_others_call_the_columns(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    pairs = read_pairs(path)
    assert [p.text for p in pairs.passages] == ["me", "you", "they"]
    assert [len(q.positives) + len(q.negatives) for q in pairs.queries] == [3]
    assert is_pairs(path)


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"anchor": ["who?"], "positive": ["me"]}), path)
    assert [p.text for p in read_pairs(path).passages] == ["me"]


def test_squad(tmp_path: Path) -> None:
    questions = [
        {"id": "1", "question": "who?", "answers": [{"text": "me"}]},
        {"id": "2", "question": "never?", "is_impossible": True},
    ]
    paragraphs = [
        {"context": "It is me.", "qas": questions},
        {"context": "Nobody asks.", "qas": []},
    ]
    path = tmp_path / "squad.json"
    path.write_text(json.dumps({"data": [{"title": "T", "paragraphs": paragraphs}]}), "utf-8")
    pairs = read_pairs(path)
    assert [(p.id, p.document) for p in pairs.passages] == [("T#1", "T"), ("T#2", "T")]
    assert [(q.id, q.positives, q.answers) for q in pairs.queries] == [("1", ("T#1",), ("me",))]
    assert read_pairs(path, format="pairs") == pairs
    assert pairs.format == "squad"
    assert pairs.notes[0].startswith("1 questions")
    assert not is_pairs(path)  # rows of conversations unless one says otherwise


def test_beir(tmp_path: Path) -> None:
    folder = beir(
        tmp_path / "b",
        "q1\tp1\t2\nq1\tp2\t0\nq1\tp4\t1\n",
        corpus=[
            {"_id": "p1", "title": "T", "text": "one"},
            {"_id": "p2", "title": "", "text": "two"},
            {"_id": "p3", "text": "three"},
            {"_id": "p4", "text": "three"},
        ],
        queries=[{"_id": "q1", "text": "which?"}, {"_id": "q2", "text": "what?"}],
    )
    (folder / "qrels" / "test.tsv").write_text("q2 \tp2\t1\r\n".replace(" ", ""), "utf-8")
    pairs = read_pairs(folder, "train")
    assert [(p.id, p.text, p.document, p.part) for p in pairs.passages] == [
        ("p1", "T\none", "T", "train"),
        ("p2", "two", "p2", "test"),
        ("p3", "three", "p3", "train"),
    ]
    (query,) = pairs.queries
    assert (query.positives, query.gains, query.negatives) == (("p1", "p3"), (2.0, 1.0), ("p2",))
    assert [q.id for q in read_pairs(folder).queries] == ["q1", "q2"]
    assert [q.id for q in read_pairs(folder, "test").queries] == ["q2"]


TEXT = st.text(min_size=1, max_size=12).filter(str.strip)
IDS = TEXT.filter(lambda id: all(c >= " " and c != "\x7f" for c in id))


@st.composite
def pair_sets(draw: st.DrawFn) -> dict[str, PairSet]:
    def spans(text: str) -> tuple[Span, ...]:
        if draw(st.booleans()):
            return ()
        start = draw(st.integers(0, len(text) - 1))
        return (Span(start, draw(st.integers(start + 1, len(text))), draw(st.text(max_size=3))),)

    texts = draw(st.lists(TEXT, min_size=2, max_size=6, unique=True))
    ids = draw(st.lists(IDS, min_size=len(texts), max_size=len(texts), unique=True))
    part = st.sampled_from(["train", "eval", "test"])
    passages = tuple(
        Passage(id, text, draw(IDS), draw(part), spans(text))
        for id, text in zip(ids, texts, strict=True)
    )
    asked = draw(st.lists(IDS, min_size=1, max_size=6, unique=True))
    queries = []
    for id in asked:
        order = draw(st.permutations(ids))
        count = draw(st.integers(1, len(order)))
        gains = tuple(draw(st.floats(0.01, 9)) for _ in range(count))
        text = draw(TEXT)
        kept = gains if any(gain != 1 for gain in gains) else ()
        wrong = tuple(order[count : draw(st.integers(count, len(order)))])
        said = tuple(draw(st.lists(TEXT, max_size=2, unique=True)))
        entities = spans(text)
        queries.append(Query(id, text, tuple(order[:count]), wrong, kept, entities, answers=said))
    whole = PairSet("x", "pairs", passages, tuple(queries))
    cut = draw(st.integers(1, len(queries)))
    parts = {"train": replace(whole, queries=whole.queries[:cut])}
    return parts | ({"test": replace(whole, queries=whole.queries[cut:])} if queries[cut:] else {})


@given(parts=pair_sets())
def test_what_is_written_is_read_back(
    parts: dict[str, PairSet], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("beir")
    write_pairs(folder, parts)
    for name, part in parts.items():
        again = read_pairs(folder, name)
        assert again.passages == part.passages
        assert tuple(replace(q, line=0) for q in again.queries) == part.queries
        assert fingerprint_pairs(again) == fingerprint_pairs(part)


def test_nothing_is_overwritten_unless_told(tmp_path: Path) -> None:
    folder = beir(tmp_path / "b")
    (folder / "qrels" / "test.tsv").write_text("q1\tp2\t1\n", "utf-8")
    pairs = read_pairs(folder, "train")
    before = (folder / "corpus.jsonl").read_bytes()
    with pytest.raises(UsageError, match="there already"):
        write_pairs(folder, {"train": pairs})
    assert (folder / "corpus.jsonl").read_bytes() == before
    write_pairs(folder, {"train": pairs}, force=True)
    assert read_pairs(folder).queries == pairs.queries  # nothing of the old test part is left


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    one = read_pairs(lines(tmp_path / "a.jsonl", {"query": "who?", "positive": "me"}))
    path = tmp_path / "b.csv"
    path.write_text("anchor,document\nwho?,me\n", "utf-8")
    assert fingerprint_pairs(one) == fingerprint_pairs(read_pairs(path))
    other = read_pairs(lines(tmp_path / "c.jsonl", {"query": "who?", "positive": "I"}))
    marked = replace(one, queries=(replace(one.queries[0], entities=(Span(0, 3),)),))
    prints = {fingerprint_pairs(found) for found in (one, other, marked)}
    assert len(prints) == 3


QUERY = {"query": "who?", "positive": "me"}
BAD_ROWS: dict[str, tuple[list[Any], str]] = {
    "empty passage": ([{"query": "who?", "positive": "  "}], ":1: passage"),
    "empty query": ([QUERY, {"query": " ", "positive": "me"}], ":2: the query is empty"),
    "no positive": ([{"query": "who?", "pos": []}], ":1: no passage answers"),
    "no pair": ([{"query": "who?", "nothing": 1}], "columns (query, nothing)"),
    "same id": ([QUERY | {"id": "1"}, QUERY | {"id": "1", "query": "what?"}], "first at"),
    "bad id": ([QUERY | {"id": "a\tb"}], "no id"),
    "number": ([{"query": "who?", "positive": {"a": 1}}], "must be text"),
    "spans": ([QUERY | {"entities": [[0]]}], "list of entities"),
    "span outside": ([QUERY | {"entities": [[0, 5]]}], "has 4 characters"),
    "span of a flag": ([QUERY | {"entities": [[False, True]]}], "list of entities"),
    "nothing": ([], "no row"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_are_one_clear_line(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, expected = BAD_ROWS[case]
    with pytest.raises(DataError) as raised:
        read_pairs(lines(tmp_path / "bad.jsonl", *rows))
    assert expected in str(raised.value)
    assert str(tmp_path / "bad.jsonl") in str(raised.value)
    monkeypatch.setenv("HUOHOU_LANG", "zh")
    assert "\n" not in str(raised.value)


P1 = {"_id": "p1", "text": "one"}
BAD_FOLDERS: dict[str, tuple[dict[str, Any], str]] = {
    "positive not in the corpus": ({"qrels": "q1\tp9\t1\n"}, "train.tsv:2: passage p9"),
    "unknown query": ({"qrels": "q1\tp1\t1\nq9\tp1\t1\n"}, "train.tsv:3: query q9"),
    "duplicate passage": ({"corpus": [P1, P1]}, "corpus.jsonl:2: passage id p1"),
    "duplicate query": ({"queries": [{"_id": "q1", "text": "a"}] * 2}, "jsonl:2: query id q1"),
    "empty passage": ({"corpus": [P1, {"_id": "p2", "text": ""}]}, "corpus.jsonl:2: passage p2"),
    "empty query": ({"queries": [{"_id": "q1", "text": " "}]}, "queries.jsonl:1: the query"),
    "no id": ({"corpus": [{"text": "one"}]}, "corpus.jsonl:1: ''"),
    "part": ({"corpus": [P1 | {"part": "dev"}]}, "part 'dev'"),
    "not a number": ({"qrels": "q1\tp1\tnan\n"}, "train.tsv:2: query id, passage id"),
    "two columns": ({"qrels": "q1\tp1\n"}, "train.tsv:2: query id, passage id"),
    "only zeros": ({"qrels": "q1\tp1\t0\n"}, "query q1"),
    "no judgements": ({"qrels": ""}, "no query"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_bad_folders_are_one_clear_line(tmp_path: Path, case: str) -> None:
    files, expected = BAD_FOLDERS[case]
    with pytest.raises(DataError) as raised:
        read_pairs(beir(tmp_path / "b", **files))
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


def test_folders_and_parts_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"corpus\.jsonl is missing"):
        read_pairs(tmp_path / "empty")
    folder = beir(tmp_path / "b")
    with pytest.raises(DataError, match=r"no qrels/dev\.tsv.*train\.tsv"):
        read_pairs(folder, "eval")
    with pytest.raises(UsageError, match="no part 'dev'"):
        read_pairs(folder, "dev")
    with pytest.raises(UsageError, match="Did you mean"):
        read_pairs(folder, format="beer")
    with pytest.raises(DataError, match="no such file"):
        read_pairs(tmp_path / "none.jsonl")


BAD_SQUAD = {
    "list": ("[1]", "not in the form of SQuAD"),
    "broken": ('{"data": [', "not JSON"),
    "empty passage": ('{"data": [{"paragraphs": [{"context": "", "qas": []}]}]}', "paragraph 1"),
    "same id": (
        '{"data": [{"paragraphs": [{"context": "a", "qas": '
        '[{"id": "1", "question": "b"}, {"id": "1", "question": "b"}]}]}]}',
        "query id 1 is used twice",
    ),
    "no object": ('{"data": [{"paragraphs": [7]}]}', "this is a int"),
    "no questions": ('{"data": [{"paragraphs": [{"context": "a"}]}]}', "no query"),
}


@pytest.mark.parametrize("case", BAD_SQUAD)
def test_bad_squad_files_are_one_clear_line(tmp_path: Path, case: str) -> None:
    content, expected = BAD_SQUAD[case]
    path = tmp_path / "bad.json"
    path.write_text(content, "utf-8")
    with pytest.raises(DataError) as raised:
        read_pairs(path, format="squad")
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


@given(raw=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_whatever_the_bytes_it_is_a_data_error(
    raw: bytes, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("raw") / name
    path.write_bytes(raw)
    with pytest.raises(DataError):
        read_pairs(path)

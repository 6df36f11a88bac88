"""Mining: what is never a negative, what the filters keep, and a ledger that can be read back."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from huohou.data.pairs import PairSet, Passage, Query, read_pairs, split_pairs, write_pairs
from huohou.errors import DataError, ModelError, UsageError
from huohou.probe.judges import by_reading, by_vectors
from huohou.probe.ledger import ledger_rows, pair_rows, promoted
from huohou.probe.mine import limit_of, minable, mine
from huohou.probe.mined import Mined, MineOptions

LINE = np.array([1.0, 0.0], dtype=np.float32)


def pairs_of(count: int = 12, queries: int = 1, **of_query: Any) -> PairSet:
    """Passages p0 ... of documents d0 ..., p0 right for all queries."""
    passages = tuple(Passage(f"p{i}", f"text number {i} of many", f"d{i}") for i in range(count))
    asked = tuple(Query(f"q{i}", f"question {i}", ("p0",), **of_query) for i in range(queries))
    return PairSet("here", "beir", passages, asked)


def falling(count: int, best: float = 0.9, step: float = 0.02) -> NDArray[np.float32]:
    """Vectors whose products with LINE fall: p0 is best."""
    return np.array([[best - step * i, 0.0] for i in range(count)], dtype=np.float32)


def mined(pairs: PairSet, passages: NDArray[np.float32] | None = None, **options: Any) -> Mined:
    vectors = falling(len(minable(pairs))) if passages is None else passages
    judge = options.pop("judge", None)
    asked = MineOptions(**options)
    return mine(
        pairs, np.repeat(LINE[None], len(pairs.queries), axis=0), vectors, asked, judge=judge
    )


def reasons(found: Mined, query: int = 0) -> dict[str, str]:
    return {c.passage: c.reason for c in found.queries[query].candidates}


def test_what_scores_nearly_as_high_is_left_out_and_the_next_are_drawn_from() -> None:
    found = mined(pairs_of(), ranks=(1, 6), negatives=3)
    told = reasons(found)
    assert [told[f"p{i}"] for i in (1, 2)] == ["too-close"] * 2  # 0.88, 0.86 of 0.9 * 0.95 = 0.855
    assert set(told) == {f"p{i}" for i in range(1, 9)}  # no further than needed
    assert sorted(told.values()) == ["kept"] * 3 + ["not-drawn"] * 3 + ["too-close"] * 2
    one = found.queries[0]
    assert (one.positive, one.positive_rank, one.limit) == ("p0", 1, pytest.approx(0.855))
    assert [c.rank for c in one.candidates] == list(range(2, 10))
    assert [c.score for c in one.candidates] == pytest.approx([0.88 - 0.02 * i for i in range(8)])


def test_the_hardest_are_taken_when_asked_for() -> None:
    found = mined(pairs_of(), draw="hardest", ranks=(2, 6), negatives=2)
    assert found.queries[0].negatives == ("p4", "p5")
    assert reasons(found)["p3"] == "outside-ranks"


def test_the_limit_is_relaxed_for_a_query_that_needs_it_and_the_curve_says_what_each_keeps() -> (
    None
):
    close = np.array(
        [[0.9, 0], *[[0.9 * (1 - 0.01 * i) + 1e-4, 0] for i in range(1, 6)]], np.float32
    )
    found = mined(pairs_of(6), close, negatives=2, ranks=(1, 4))
    assert found.queries[0].relative == 0.97
    assert [kept for _, kept, _ in found.curve] == [0, 1, 2, 2, 2, 2]
    assert [enough for *_, enough in found.curve] == [0, 0, 1, 1, 1, 1]
    assert any("relaxed" in note for note in found.notes)
    strict = mined(pairs_of(6), close, negatives=2, ranks=(1, 4), relax_to=0.95)
    assert strict.queries[0].negatives == ()
    assert any("1 of 1 queries have no negative" in note for note in strict.notes)
    free = mined(pairs_of(6), close, negatives=2, ranks=(1, 4), relative=None)
    assert len(free.queries[0].negatives) == 2 and "too-close" not in reasons(free).values()


def test_a_limit_of_a_score_below_zero_lies_below_it() -> None:
    assert limit_of(-0.5, 0.9) == pytest.approx(-0.55)
    below = mined(pairs_of(), falling(12, best=-0.1), negatives=2)
    assert all(c.score < -0.105 for c in below.queries[0].candidates if c.reason == "kept")


def test_a_collapsed_encoder_gives_no_negatives_and_says_so() -> None:
    found = mined(pairs_of(), np.ones((12, 2), np.float32))
    assert found.queries[0].negatives == ()
    assert set(reasons(found).values()) == {"too-close"}
    assert any("have no negative" in note for note in found.notes)


def test_an_absolute_limit_holds_beside_the_relative_one() -> None:
    found = mined(pairs_of(), absolute=0.8, negatives=2)
    told = reasons(found)
    assert [told[f"p{i}"] for i in range(1, 5)] == ["above-limit"] * 4
    assert all(c.score <= 0.8 for c in found.queries[0].candidates if c.reason == "kept")


def test_of_several_positives_the_lowest_sets_the_limit_and_none_is_a_negative() -> None:
    pairs = pairs_of()
    pairs = replace(pairs, queries=(replace(pairs.queries[0], positives=("p0", "p5")),))
    found = mined(pairs, negatives=2).queries[0]
    assert (found.positive, found.positive_score) == ("p5", pytest.approx(0.8))
    assert all(c.score < 0.76 for c in found.candidates if c.reason == "kept")
    assert not {"p0", "p5"} & {c.passage for c in found.candidates}


def test_false_negatives_are_named_by_what_gives_them_away() -> None:
    text = "The Eiffel Tower stands in Paris and was finished in 1889 for the world's fair there."
    passages = (
        Passage("right", text, "a"),
        Passage("near", text + " Yes.", "b"),
        Passage("answer", "It was finished in 1889, they say.", "c"),
        Passage("same", "Another text of the right passage's document.", "a"),
        Passage("twin", "A passage that answers a question of the same words.", "e"),
        Passage("safe", "Bananas are yellow.", "f"),
    )
    asked = Query("q", "When was it finished?", ("right",), answers=("1889",))
    other = Query("r", "when was it finished", ("twin",))
    pairs = PairSet("here", "beir", passages, (asked, other))
    told = reasons(mined(pairs, falling(6, step=0.1), same_document=True))
    assert told == {
        "near": "near-equal",
        "answer": "answer-inside",
        "same": "same-document",
        "twin": "same-question",
        "safe": "kept",
    }
    open_ = reasons(mined(pairs, falling(6, step=0.1), near=False, answers=False))
    assert [open_[name] for name in ("near", "answer", "same")] == ["kept"] * 3
    assert open_["twin"] == "same-question"


def test_test_documents_are_never_searched(tmp_path: Path) -> None:
    passages = tuple(
        Passage(f"p{i}", f"text {i}", document, part)
        for i, (document, part) in enumerate(
            [("a", "train"), ("b", "train"), ("c", "test"), ("d", "eval"), ("c", ""), ("e", "")]
        )
    )
    pairs = PairSet("here", "beir", passages, (Query("q", "question", ("p0",)),))
    assert minable(pairs) == [0, 1, 5]  # p4 is free, but of a document that the test uses
    found = mined(pairs, falling(3, step=0.1), negatives=4)
    assert (found.corpus, found.passages) == (3, 6)
    assert set(reasons(found)) == {"p1", "p5"}
    leak = replace(pairs, queries=(Query("t", "question", ("p2",)),))
    with pytest.raises(UsageError, match="Query t is answered by p2, which belongs to test"):
        mined(leak, falling(3))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from(["random", "hardest"]))
@example(2652270245, 2, "random")  # nothing is left to draw from
@example(3487610660, 4, "random")
@example(1, 2, "random")  # much is
def test_whatever_the_vectors_negatives_are_safe_and_the_draw_is_each_querys_own(
    seed: int, wanted: int, draw: Any
) -> None:
    rng = np.random.default_rng(seed)
    pairs = pairs_of(30, 8)
    right = [f"p{int(i)}" for i in rng.integers(0, 30, 8)]
    asked = [replace(q, positives=(p,)) for q, p in zip(pairs.queries, right, strict=True)]
    pairs = replace(pairs, queries=tuple(asked))
    vectors = rng.standard_normal((30, 5)).astype(np.float32)
    queries = rng.standard_normal((8, 5)).astype(np.float32)
    options = MineOptions(wanted, draw=draw, depth=20, seed=7)
    found = mine(pairs, queries, vectors, options)
    scores = queries @ vectors.T
    for i, one in enumerate(found.queries):
        assert len(one.negatives) <= wanted
        assert right[i] not in one.negatives
        for c in one.candidates:
            column = int(c.passage[1:])
            assert c.score == pytest.approx(scores[i, column], abs=1e-5)
            assert c.rank == 1 + int((scores[i] > scores[i, column]).sum())
            assert c.reason != "kept" or c.score < one.limit
    turned = mine(replace(pairs, queries=tuple(asked[::-1])), queries[::-1], vectors, options)
    assert turned.negatives() == found.negatives()
    if draw == "random" and draws(found) > 1_000_000:
        other = mine(pairs, queries, vectors, replace(options, seed=8))
        assert other.negatives() != found.negatives()


def draws(found: Mined) -> int:
    """How many draws there are from what passed: of a few another seed may well draw the same."""
    told = [Counter(c.reason for c in one.candidates) for one in found.queries]
    return math.prod(math.comb(n["kept"] + n["not-drawn"], n["kept"]) for n in told)


def test_a_judge_takes_out_what_it_finds_as_good() -> None:
    pairs = pairs_of()
    opinion = falling(12)
    opinion[4] = [2.0, 0.0]
    found = mined(pairs, judge=by_vectors(LINE[None], opinion), negatives=4)
    told = {c.passage: c for c in found.queries[0].candidates}
    assert told["p4"].reason == "judged-right"
    assert told["p4"].judge == 2.0 and told["p4"].judge_positive == pytest.approx(0.9)
    assert told["p1"].judge is None  # was out before


class Reader:
    """A cross-encoder that likes the passage with an 8."""

    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def predict(self, inputs: list[tuple[str, str]], **_options: Any) -> Any:
        return [self.value if " 8 " in text else 0.1 * ("number 0" in text) for _, text in inputs]


def test_a_cross_encoder_reads_question_and_passage() -> None:
    pairs = pairs_of()
    texts = [passage.text for passage in pairs.passages]
    judge = by_reading(Reader(), [query.text for query in pairs.queries], texts)
    assert reasons(mined(pairs, judge=judge))["p8"] == "judged-right"
    broken = by_reading(Reader(np.nan), ["question"], texts)
    with pytest.raises(ModelError, match="judge gives NaN or infinity for query q0"):
        mined(pairs, judge=broken)


def test_fewer_candidates_than_asked_are_kept_and_told() -> None:
    found = mined(pairs_of(4), falling(4, step=0.1), negatives=4)
    assert len(found.queries[0].negatives) == 3
    assert any("3 beside the right ones" in note for note in found.notes)
    assert any("fewer than 4 negatives" in note for note in found.notes)
    alone = mined(pairs_of(1))
    assert alone.queries[0].candidates == ()
    assert any("0 beside" in note for note in alone.notes)


def test_what_cannot_be_mined_is_said() -> None:
    pairs = pairs_of()
    lost = replace(pairs, queries=(Query("q", "question", ("gone",)),))
    with pytest.raises(DataError, match="query q names gone as right, and the corpus has no such"):
        mined(lost)
    nan = falling(12)
    nan[3] = np.nan
    with pytest.raises(ModelError, match="passage p3"):
        mined(pairs, nan)
    for options in (
        {"negatives": 0},
        {"ranks": (0, 5)},
        {"ranks": (5, 4)},
        {"ranks": (1, 3)},
        {"relative": 0.0},
    ):
        with pytest.raises(UsageError, match=r"negatives|relative"):
            MineOptions(**options)  # type: ignore[arg-type]


def test_negatives_that_are_known_stay_and_are_not_mined_again() -> None:
    pairs = pairs_of(negatives=("p3", "p9"))
    found = mined(pairs, negatives=2)
    assert not {"p3", "p9"} & set(reasons(found))
    (row,) = pair_rows(pairs, found)
    assert row["negative_ids"][:2] == ["p3", "p9"] and len(row["negative_ids"]) == 4


def written(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text(
        "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8"
    )
    return path


def ledger_of(pairs: PairSet, path: Path, promote: Sequence[str] = ()) -> Path:
    rows = list(ledger_rows(pairs, mined(pairs), MineOptions(), {"model": "m"}))
    for row in rows[1:]:
        row["promote"] = row["passage"] in promote
    return written(path, rows)


def test_a_promoted_row_is_a_positive_when_the_ledger_is_read_back(tmp_path: Path) -> None:
    pairs = pairs_of()
    ledger = ledger_of(pairs, tmp_path / "ledger.jsonl", promote=["p1", "p5"])
    better, count = promoted(pairs, ledger)
    assert (better.queries[0].positives, count) == (("p0", "p1", "p5"), 2)
    assert not {"p1", "p5"} & set(reasons(mined(better)))
    assert promoted(better, ledger) == (better, 0)
    graded = replace(pairs, queries=(replace(pairs.queries[0], gains=(3.0,), negatives=("p5",)),))
    again = promoted(graded, ledger)[0].queries[0]
    assert (again.gains, again.negatives) == ((3.0, 1.0, 1.0), ())


def test_a_ledger_says_of_every_passage_what_a_reviewer_needs(tmp_path: Path) -> None:
    pairs = pairs_of()
    first, *rows = map(json.loads, ledger_of(pairs, tmp_path / "l.jsonl").read_text().splitlines())
    assert first["ledger"] == 1 and first["options"]["relative"] == 0.95 and first["corpus"] == 12
    for row in rows:
        assert {
            "query",
            "question",
            "passage",
            "excerpt",
            "rank",
            "score",
            "positive_score",
        } <= set(row)
        assert row["kept"] == (row["reason"] == "kept") and row["promote"] is False
    assert len(rows) == len(mined(pairs).queries[0].candidates)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "l.jsonl:3: this is no line of a ledger"),
        ("[1]", "l.jsonl:3: this is no line"),
        (
            '{"query": "q0", "passage": "p1", "promote": "yes"}',
            "promote is true or false, not 'yes'",
        ),
        ('{"query": "q0", "passage": "zz", "promote": true}', "zz is not among these pairs"),
        ('{"query": ["q0"], "passage": "p1", "promote": true}', "is not among these pairs"),
    ],
)
def test_a_ledger_that_is_none_is_refused_with_its_line(
    tmp_path: Path, line: str, told: str
) -> None:
    pairs = pairs_of()
    path = ledger_of(pairs, tmp_path / "l.jsonl")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[2:]]))
    with pytest.raises(DataError) as error:
        promoted(pairs, path)
    assert told in str(error.value)
    path.write_text('{"query": "q0"}\n')
    with pytest.raises(DataError, match=r"l.jsonl:1"):
        promoted(pairs, path)


def test_what_is_written_is_read_as_pairs_with_negatives(tmp_path: Path) -> None:
    passages = tuple(Passage(f"p{i}", f"text number {i}", f"doc {i // 3}") for i in range(12))
    queries = (
        Query("a", "first?", ("p0", "p1"), answers=("xyz",)),
        Query("b", "second?", ("p6",)),
    )
    pairs = PairSet("here", "beir", passages, queries)
    found = mined(pairs, near=False)
    path = written(tmp_path / "hard_negatives.jsonl", list(pair_rows(pairs, found)))
    back = read_pairs(path)
    for query, one in zip(back.queries, pairs.queries, strict=True):
        texts = [back.passage(id).text for id in query.negatives]
        assert texts == [pairs.passage(id).text for id in found.negatives()[one.id]]
        assert (query.id, query.text, query.answers) == (one.id, one.text, one.answers)
        assert back.documents_of(query) == pairs.documents_of(one)


def test_answers_survive_a_folder(tmp_path: Path) -> None:
    pairs = pairs_of(12, 6, answers=("Ulm", "乌尔姆"))
    passages = tuple(replace(p, text=f"{p.text} {'xyz' * i}") for i, p in enumerate(pairs.passages))
    asked = tuple(replace(q, positives=(f"p{i}",)) for i, q in enumerate(pairs.queries))
    write_pairs(
        tmp_path / "out", split_pairs(replace(pairs, passages=passages, queries=asked), 0.2, 0.2, 1)
    )
    assert read_pairs(tmp_path / "out", "train").queries[0].answers == ("Ulm", "乌尔姆")

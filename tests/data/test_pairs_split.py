"""Pairs are split by document: what is asked for in test was never read in train."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.data.normal import normal
from huohou.data.pairs import PARTS, PairSet, Passage, Query, read_pairs, split_pairs
from huohou.data.pairs.check import check_pairs
from huohou.data.pairs.stats import need_candidates, need_entities
from huohou.errors import DataError, UsageError

QA = Path(__file__).parents[2].parent / "shared" / "data" / "qa"
FILES = [  # passages, queries, documents
    ("google-deepmind__xquad/xquad.en.json", (240, 1190, 48)),
    ("google-deepmind__xquad/xquad.zh.json", (240, 1190, 48)),
    pytest.param(
        "ymcui__cmrc2018/squad-style-data/cmrc2018_dev.json",
        (848, 3219, 848),
        marks=pytest.mark.slow,
    ),
    pytest.param("DRCKnowledgeTeam__DRCD/DRCD_dev.json", (1000, 3524, 383), marks=pytest.mark.slow),
]
WORDS = ("river", "bank", "money", "storm", "paper", "light", "stone", "cloud", "bread", "glass")


def library(documents: int, each: int = 2) -> PairSet:
    """Documents of passages that are each asked for once, in words of their own."""
    passages, queries = [], []
    for d in range(documents):
        for i in range(each):
            text = f"{WORDS[d % 10]} {d * 7919} {WORDS[i]} {i * 104729} {d}x{i}" * 2
            passages.append(Passage(f"p{d}.{i}", text, f"d{d}"))
            queries.append(Query(f"q{d}.{i}", f"what of {d} and {i}", (f"p{d}.{i}",)))
    return PairSet("library", "pairs", tuple(passages), tuple(queries))


@st.composite
def pair_sets(draw: st.DrawFn) -> PairSet:
    documents = draw(st.integers(2, 8))
    text = st.text("abc ", min_size=1, max_size=30).filter(str.strip)
    texts = draw(st.lists(text, min_size=documents, max_size=16, unique=True))
    passages = tuple(Passage(f"p{i}", t, f"d{i % documents}") for i, t in enumerate(texts))
    ids = st.lists(st.sampled_from(passages), min_size=1, max_size=3, unique=True)
    queries = tuple(
        Query(f"q{i}", words, tuple(p.id for p in draw(ids)))
        for i, words in enumerate(draw(st.lists(text, min_size=1, max_size=12)))
    )
    return PairSet("x", "pairs", passages, queries)


@given(
    pairs=pair_sets(),
    shares=st.sampled_from([(0.1, 0.2), (0.3, 0.3), (0.0, 0.5), (0.5, 0.4), (1, 1), (0.2, 2)]),
    seed=st.integers(0, 5),
)
def test_no_document_no_query_and_no_passage_is_on_two_sides(
    pairs: PairSet, shares: tuple[float, float], seed: int
) -> None:
    try:
        parts = split_pairs(pairs, *shares, seed)
    except DataError:  # too few groups; when that is right is tested below
        return
    assert set(parts) == {p for p, s in zip(PARTS, (1, *shares), strict=True) if s}
    assert sorted(q.id for part in parts.values() for q in part.queries) == sorted(
        q.id for q in pairs.queries
    )
    assert all(part.queries for part in parts.values())
    sides: dict[str, set[str]] = {}
    for name, part in parts.items():
        assert [p.id for p in part.passages] == [p.id for p in pairs.passages]
        for query in part.queries:
            sides.setdefault("query " + normal(query.text), set()).add(name)
            for id in query.positives:
                assert part.passage(id).part == name
                sides.setdefault("text " + normal(part.passage(id).text), set()).add(name)
        for passage in part.passages:
            sides.setdefault("document " + passage.document, set()).add(passage.part)
    assert not {key: found for key, found in sides.items() if len(found) > 1}
    assert split_pairs(pairs, *shares, seed) == parts


def test_the_parts_have_their_size_and_the_seed_chooses_them() -> None:
    pairs = library(50)
    parts = split_pairs(pairs, 0.1, 0.2)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 70,
        "eval": 10,
        "test": 20,
    }
    assert parts["test"].queries != split_pairs(pairs, 0.1, 0.2, 7)["test"].queries
    counted = split_pairs(pairs, 3, 15)
    assert {name: len(part) for name, part in counted.items()} == {
        "train": 64,
        "eval": 6,
        "test": 30,
    }


def test_nearly_equal_passages_stay_on_one_side() -> None:
    text = "The branch by the river opens at nine in the morning and closes at five, "
    far = library(20)
    for seed in range(5):
        twins = (Passage("a", text + "daily", "A"), Passage("b", text + "daily.", "B"))
        asked = (Query("qa", "opens?", ("a",)), Query("qb", "closes?", ("b",)))
        pairs = PairSet("x", "pairs", far.passages + twins, far.queries + asked)
        parts = split_pairs(pairs, 0.2, 0.4, seed)
        sides = {part.passage(id).part for part in parts.values() for id in "ab"}
        assert len(sides) == 1


def test_passages_that_nobody_asks_for_are_dealt_out_too() -> None:
    pairs = library(60, each=1)
    silent = PairSet("x", "pairs", pairs.passages, pairs.queries[:30])
    test = split_pairs(silent, 0.1, 0.4)["test"]
    asked = {id for q in silent.queries for id in q.positives}
    assert sum(p.part == "test" and p.id not in asked for p in test.passages) == 12


def test_what_cannot_be_split_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"all passages are of one document \(d0\)"):
        split_pairs(library(1))
    with pytest.raises(DataError, match="form 2 groups"):
        split_pairs(library(2))
    with pytest.raises(DataError, match="there are only 4"):
        split_pairs(library(4), 1, 3)
    for shares in ((0.5, 0.5), (-0.1, 0.1), (float("nan"), 0.1), (0, float("inf"))):
        with pytest.raises(UsageError, match="shares from 0"):
            split_pairs(library(9), *shares)
    assert set(split_pairs(library(2), 0, 0.2)) == {"train", "test"}


def test_a_part_of_another_size_is_noted() -> None:
    parts = split_pairs(library(4, each=5), 0, 0.1)
    assert len(parts["test"]) == 5
    assert parts["test"].notes[-1].startswith("test: 5 queries where 2 were asked for")


def test_too_few_candidates_and_no_entities() -> None:
    pairs = library(3)
    need_candidates(pairs, 6)
    with pytest.raises(DataError, match="7 candidates a query are wanted, but there are only 6"):
        need_candidates(pairs, 7)
    with pytest.raises(DataError, match="no query, or no passage, has an entity"):
        need_entities(pairs)


@pytest.mark.parametrize(("name", "counts"), FILES)
def test_real_files(name: str, counts: tuple[int, int, int]) -> None:
    path = QA / name
    if not path.is_file():
        pytest.skip("shared/data/qa is not beside this checkout")
    pairs = read_pairs(path)
    documents = {p.document for p in pairs.passages}
    assert (len(pairs.passages), len(pairs), len(documents)) == counts
    parts = split_pairs(pairs, 0.1, 0.25)
    report = check_pairs(parts)
    assert report.skipped == ()
    assert not [one for one in report.findings if one.code == "data-overlap"]
    assert abs(len(parts["test"]) - 0.25 * len(pairs)) < 0.02 * len(pairs)

"""Splitting: what belongs together stays together, nothing is lost, a seed decides."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.data.dataset import Dataset, Message, Row
from huohou.data.facts import read_facts
from huohou.data.make import MakeOptions, make
from huohou.data.normal import asked
from huohou.data.similar import jaccard, near_groups, shingles
from huohou.data.split import Split, split_dataset
from huohou.errors import DataError, UsageError

EXAMPLE = Path(__file__).parents[2] / "examples" / "bank_codes" / "branches.csv"


def row(question: str, answer: str = "x", **meta: object) -> Row:
    return Row((Message("user", question), Message("assistant", answer)), 0, meta)


def dataset(rows: Sequence[Row]) -> Dataset:
    return Dataset("rows.jsonl", "messages", tuple(rows))


def parts(split: Split) -> dict[str, tuple[Row, ...]]:
    return {"train": split.train, "eval": split.eval, "test": split.test}


def lands_once(split: Split, rows: Sequence[Row]) -> None:
    landed = [id(one) for part in parts(split).values() for one in part]
    assert sorted(landed) == sorted(map(id, rows))


SENTENCES = (
    "how do i open an account at the branch",
    "how do i open an account at the branch please",
    "what does it cost to send money abroad",
    "what does it cost to send money abroad?",
    "my card was swallowed by the machine",
    "which papers do i need for a mortgage",
    "can i change my address by telephone",
    "when does the counter close on fridays",
    "请问怎样在你们银行开立一个新的储蓄账户",
    "请问怎样在你们银行开立一个新的储蓄账户呢",
)


@settings(max_examples=40, deadline=None)
@given(
    picks=st.lists(
        st.tuples(st.sampled_from(SENTENCES), st.integers(0, 3)), min_size=4, max_size=40
    ),
    seed=st.integers(0, 3),
    by=st.booleans(),
)
def test_groups_never_cross(picks: list[tuple[str, int]], seed: int, by: bool) -> None:
    rows = [row(sentence, document=number) for sentence, number in picks]
    column = "document" if by else None
    try:
        split = split_dataset(dataset(rows), 0.2, 0.2, seed, column)
    except DataError:
        return  # all rows are one group
    lands_once(split, rows)
    assert split.mode == "groups"
    assert split == split_dataset(dataset(rows), 0.2, 0.2, seed, column)
    where = {id(one): name for name, part in parts(split).items() for one in part}
    for one in rows:
        for other in rows:
            alike = jaccard(shingles(asked(one)), shingles(asked(other))) >= 0.8
            if alike or (by and one.meta["document"] == other.meta["document"]):
                assert where[id(one)] == where[id(other)]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 6),  # fact; 0 is an unknown name
            st.integers(0, 5),  # wording
            st.sampled_from(["full", "everyday", "reverse"]),
        ),
        min_size=1,
        max_size=60,
        unique=True,
    ),
    seed=st.integers(0, 3),
)
def test_facts_stay_taught_and_wordings_never_cross(
    rows: list[tuple[int, int, str]], seed: int
) -> None:
    made = [_fact_row(*one) for one in rows]
    try:
        split = split_dataset(dataset(made), 0.2, 0.2, seed)
    except DataError:
        return  # nothing can be taken out
    lands_once(split, made)
    assert split.mode == "wordings"
    assert split == split_dataset(dataset(made), 0.2, 0.2, seed)
    known = {n: [r for r in part if r.meta["fact"]] for n, part in parts(split).items()}
    taught = {(r.meta["fact"], r.meta["style"] == "reverse") for r in known["train"]}
    assert taught == {
        (r.meta["fact"], r.meta["style"] == "reverse") for r in made if r.meta["fact"]
    }
    wordings = [{r.meta["wording"] for r in part} for part in known.values()]
    assert not wordings[0] & wordings[1] and not wordings[0] & wordings[2]
    assert not wordings[1] & wordings[2]
    names = [{r.meta["asked"] for r in p if not r.meta["fact"]} for p in parts(split).values()]
    assert not names[0] & names[1] and not names[0] & names[2] and not names[1] & names[2]


def _fact_row(fact: int, wording: int, style: str) -> Row:
    letter = "r" if style == "reverse" else "f"
    meta = {"wording": f"{letter}{wording}", "style": style if fact else "unknown"}
    question = f"question {wording} in style {style} about fact {fact}"
    if fact:
        return row(question, f"answer {fact}", fact=f"fact {fact}", expect=f"answer {fact}", **meta)
    return row(question, "unknown", fact=None, expect=None, asked=f"name {wording % 3}", **meta)


def test_made_rows_split_by_wording_in_both_directions() -> None:
    facts = read_facts(EXAMPLE)
    made = make(facts, MakeOptions(facts=60, wordings=10, eval_wordings=0, test_wordings=0))
    split = split_dataset(dataset(made.train), 0.15, 0.15)
    assert split.mode == "wordings"
    for part in (split.eval, split.test):
        styles = {one.meta["style"] for one in part}
        assert {"full", "everyday", "abbreviation", "unknown"} <= styles
        assert 0.08 < len(part) / len(made.train) < 0.25
    assert {one.meta["style"] for one in split.test} >= {"reverse"}


def test_order_of_the_source_is_kept() -> None:
    rows = [row(f"{word} number {i} of many things") for i, word in enumerate(SENTENCES * 3)]
    split = split_dataset(dataset(rows), 0.2, 0.2)
    position = {id(one): i for i, one in enumerate(rows)}
    for part in parts(split).values():
        places = [position[id(one)] for one in part]
        assert places == sorted(places)


def test_shares_are_met_where_rows_are_free() -> None:
    rows = [
        row(f"{i * 7919 % 10007} {chr(97 + i % 26) * 5} {i * 104729 % 1009}") for i in range(200)
    ]
    split = split_dataset(dataset(rows), 0.1, 0.2)
    assert (len(split.train), len(split.eval), len(split.test)) == (140, 20, 40)
    assert split.notes == ()


def test_a_part_that_falls_short_is_mentioned() -> None:
    rows = [row("one question that is asked again and again")] * 8 + [row("something else")]
    split = split_dataset(dataset([*rows, row("a third matter entirely")]), 0.4, 0.0)
    assert len(split.eval) == 2
    assert split.notes == (
        "eval: 2 rows instead of 4; more would tear apart what belongs together.",
    )


def test_what_cannot_be_split() -> None:
    same = dataset([row("one and the same question")] * 10)
    with pytest.raises(DataError, match="None of the 10 rows"):
        split_dataset(same)
    with pytest.raises(UsageError, match=r"--eval 0\.5 --test 0\.5"):
        split_dataset(same, 0.5, 0.5)
    with pytest.raises(UsageError):
        split_dataset(same, -0.1, 0.5)
    with pytest.raises(DataError, match="no column 'document'"):
        split_dataset(same, by="document")


def test_a_twin_planted_far_away_is_found_by_minhash() -> None:
    texts = [
        f"{i * 7919 % 10007} {chr(97 + i % 26) * 9} {i * 104729 % 1009} and more"
        for i in range(300)
    ]
    long = "the quick brown fox jumps over the lazy dog and runs into the forest behind the house"
    texts[20], texts[280] = long, long.replace("lazy", "busy")
    groups = near_groups(texts)
    assert groups[280] == 20
    assert len(set(groups)) == 299

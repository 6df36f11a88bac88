"""Near duplicates: every pair that exact comparison finds is found, and none besides."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.data.normal import normal
from huohou.data.similar import THRESHOLD, jaccard, near_groups, nearest, shingles

TEXT = "bank branch code name money card pin loan rate fee open close send where what how"
WORDS = TEXT.split()


def mutated(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text))
    return text[:at] + "z" + text[at + 1 :]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_groups_are_those_of_exact_comparison(seed: int) -> None:
    dice = random.Random(seed)
    texts = [" ".join(dice.choices(WORDS, k=12)) for _ in range(15)]
    texts += [mutated(dice.choice(texts), dice) for _ in range(10)]
    groups = near_groups(texts)
    sets = [shingles(text) for text in texts]
    for i in range(len(texts)):
        for j in range(i):
            if jaccard(sets[i], sets[j]) >= THRESHOLD:
                assert groups[i] == groups[j]
    for i, group in enumerate(groups):
        assert group == i or any(
            jaccard(sets[i], sets[j]) >= THRESHOLD for j in range(len(texts)) if j != i
        )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_nearest_finds_planted_twins_only(seed: int) -> None:
    dice = random.Random(seed)
    train = [" ".join(dice.choices(WORDS, k=12)) for _ in range(20)]
    fresh = [f"{i} entirely other matter {chr(97 + i) * 6}" for i in range(5)]
    twins = [mutated(mutated(train[i], dice), dice) for i in range(5)]
    found = nearest([*fresh, *twins, train[7]], train)
    assert found[10] == train.index(train[7])
    assert not set(range(5)) & set(found)
    for i, twin in enumerate(twins):
        best = max(jaccard(shingles(twin), shingles(text)) for text in train)
        assert (5 + i in found) == (best >= THRESHOLD)


def test_a_template_that_all_rows_share_makes_no_twins() -> None:
    frame = "You are given a review. Say whether it is positive or negative. Review: {}. Answer:"
    kinds = [f"{chr(97 + i % 26) * 3} item {i * 7919 % 1000}" for i in range(100)]
    groups = near_groups([frame.format(kind) for kind in kinds])
    assert len(set(groups)) > 90


def test_empty_texts_are_alone() -> None:
    assert near_groups(["", "", "a"]) == [0, 1, 2]
    assert nearest(["", "a"], ["", "b"]) == {}


@given(st.text(max_size=30))
def test_normal_form_is_a_fixed_point(text: str) -> None:
    once = normal(text)
    assert normal(once) == once
    assert normal(f"  {text}？ ") == once

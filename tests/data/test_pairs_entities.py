"""The built-in finder of entities, and how often it finds any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.data.pairs import PairSet, Passage, Query, Span
from huohou.data.pairs.entities import coverage, find_entities, with_entities
from huohou.data.pairs.stats import describe_pairs


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Use json.dumps() or foo(), never ``obj``.", ["json.dumps", "foo", "obj"]),
        ("MAX_SIZE and getSize, e.g. x_1", ["MAX_SIZE", "getSize", "x_1"]),
        ("Return a new date.", []),
        ("Return the HTTP status.", ["HTTP"]),
        ("Who won Super Bowl 50?", ["Super Bowl 50"]),
        ("Where did the Denver Broncos play? In Santa Clara.", ["Denver Broncos", "Santa Clara"]),
        ("Washington crossed it. So did Lee.", ["Lee"]),
        ("《战国无双3》由 KOEI 开发。", ["战国无双3", "KOEI"]),
        ("", []),
    ],
)
def test_what_counts_as_an_entity(text: str, found: list[str]) -> None:
    assert [span.name for span in find_entities(text)] == found


def test_a_dictionary_is_matched_as_whole_words() -> None:
    found = find_entities("the cat concatenates cats, 北京市的猫 x", ["cat", "北京", "猫", "x"])
    assert [(s.start, s.name) for s in found] == [(4, "cat"), (27, "北京")]  # no single letters
    longest = find_entities("new york city", ["york", "new york"])
    assert [s.name for s in longest] == ["new york"]


@given(text=st.text(max_size=80), names=st.lists(st.text(max_size=4), max_size=4))
def test_spans_lie_in_the_text_in_order_and_apart(text: str, names: list[str]) -> None:
    found = find_entities(text, names)
    assert all(text[span.start : span.end] == span.name for span in found)
    assert all(span.name.strip() for span in found if span.name not in names)
    ends = [0, *(span.end for span in found)]
    assert all(end <= span.start < span.end for end, span in zip(ends, found, strict=False))


def test_annotations_are_kept_and_coverage_is_counted() -> None:
    passages = (
        Passage("p1", "about nothing", "p1", "", (Span(0, 5, "ABOUT"),)),
        Passage("p2", "about HTTP", "p2"),
        Passage("p3", "lower case only", "p3"),
    )
    queries = (
        Query("q1", "the HTTP of it", ("p1", "p2")),
        Query("q2", "nothing here", ("p3",)),
    )
    pairs = PairSet("x", "pairs", passages, queries)
    assert coverage(pairs).pairs_with == 0
    found = with_entities(pairs)
    assert found.passages[0].entities == (Span(0, 5, "ABOUT"),)
    counted = coverage(found)
    assert (counted.queries_with, counted.passages_with) == (1, 2)
    assert (counted.pairs, counted.pairs_with, counted.pairs_shared) == (3, 2, 1)
    assert counted.share == pytest.approx(2 / 3)
    assert describe_pairs(pairs)["entities"]["annotated"] == 1

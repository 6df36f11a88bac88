"""Fingerprints: equal for equal conversations, different for everything that is trained."""

from hypothesis import given
from hypothesis import strategies as st

from huohou.data.dataset import Message, Row
from huohou.data.fingerprint import fingerprint, fingerprint_row, fingerprint_rows

messages = st.builds(
    Message, st.sampled_from(["user", "assistant"]), st.text(st.characters(codec="utf-8"))
)
rows = st.builds(Row, st.lists(messages, max_size=3).map(tuple))


@given(st.lists(rows, max_size=4), st.lists(rows, max_size=4))
def test_fingerprints_are_equal_exactly_for_equal_rows(one: list[Row], other: list[Row]) -> None:
    assert (fingerprint_rows(one) == fingerprint_rows(other)) == (one == other)


def test_what_is_not_trained_does_not_count() -> None:
    row = Row((Message("user", "a"), Message("assistant", "b")), 1, {"id": 1})
    same = Row(row.messages, 9, {})
    assert fingerprint_row(row) == fingerprint_row(same)


def test_it_stays_the_same_for_ever() -> None:
    # Written down once: a change would cut every stored run from its data.
    row = Row((Message("user", "你好"), Message("assistant", "hi")))
    assert fingerprint_row(row) == fingerprint("user", "你好", "assistant", "hi")
    known = "2bf8b23ab5d9ba12edc41aeff026a467179fa3274c4b1e8d4172549bfc42ed40"
    assert fingerprint("a", "你") == known

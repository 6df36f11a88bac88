"""The end of a log."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.jobs import logs

LINES = st.lists(
    st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=30), max_size=40
)


@settings(deadline=None)
@given(LINES, st.integers(0, 50), st.booleans(), st.integers(1, 64))
def test_last_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], count: int, ends: bool, block: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "train.log"
    text = "\n".join(lines) + ("\n" if ends else "")
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_BLOCK", block)
        found = logs.last_lines(path, count)
    whole = text.removesuffix("\n").split("\n") if text else []
    assert found == (whole[-count:] if count else [])


def test_a_bar_that_was_drawn_over_is_shown_once(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_bytes(b"10%\r50%\r100%\nnext\r\n")
    assert logs.last_lines(path, 5) == ["100%", "next"]


def test_what_is_not_there(tmp_path: Path) -> None:
    assert logs.last_lines(tmp_path / "none", 5) == []
    assert list(logs.follow(tmp_path / "none", 5, lambda: True)) == []


def test_following_shows_everything_once(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_bytes(b"a\nb\n")
    looks = iter([b"c\nhal", b"f\nd", None])

    def is_over() -> bool:
        more = next(looks)
        if more is None:
            return True
        with path.open("ab") as out:
            out.write(more)
        return False

    assert list(logs.follow(path, 1, is_over)) == ["b", "c", "half", "d"]

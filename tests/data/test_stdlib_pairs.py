"""Pairs from docstrings: read from sources, never imported, the same every time."""

from pathlib import Path

import pytest

from huohou.config import load
from huohou.data.pairs import fingerprint_pairs
from huohou.data.stdlib import first_sentence, python_pairs
from huohou.errors import DataError

SOURCE = '''
"""Count the things that there are.

Everything in this module counts something, and says how it was counted, in words.
"""
raise SystemExit("imported")

def tally(first_item, *, other_item=None):
    """tally(first_item) -> int

    Count first_item together with the other.  When other_item is None, it is
    left out, e.g. because there is none; nothing is counted twice.
    """
    def inner():
        """Count what nobody outside can ever see at all.

        This is inside of a function, so that it is no part of what is documented."""

class Counter:
    """Hold a count that goes on for ever. It begins at zero and goes up by one each time,
    until somebody puts it back."""

    def add(self, amount):
        """Raise the count by some positive amount.

        A negative amount is refused with a ValueError; zero is allowed and changes nothing.
        """

    def _hidden(self):
        """Raise the count in secret and tell nobody.

        This is private, so that it is no part of what is documented for people."""

def short():
    """Too short."""

if True:
    def add_again(amount):
        """Raise the count by some positive amount.

        The same first sentence stands elsewhere, so neither of the two can be found by it.
        """
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("counting.py", "pkg/__init__.py", "test/test_it.py", "pkg/lib-x/a.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", "utf-8")
    (tmp_path / "counting.py").write_text(SOURCE, "utf-8")
    (tmp_path / "broken.py").write_text("def (", "utf-8")
    body = 'def {}():\n    """{} of all items here.\n\n    {}\n    """\n'
    inner = "It is read from the inner module, whose package is what is kept together."
    (tmp_path / "pkg" / "inner.py").write_text(body.format("total", "Give the sum", inner), "utf-8")
    hidden = "Nothing in the folder of tests is ever meant to be found by anybody at all."
    (tmp_path / "test" / "test_it.py").write_text(body.format("f", "Test", hidden), "utf-8")
    return tmp_path


def test_first_sentences_ask_for_the_rest(folder: Path) -> None:
    pairs = python_pairs(folder)
    asked = {query.id: query.text for query in pairs.queries}
    assert asked == {
        "counting": "Count the things that there are.",
        "counting.tally": "Count first_item together with the other.",
        "counting.Counter": "Hold a count that goes on for ever.",
        "pkg.inner.total": "Give the sum of all items here.",
    }
    tally = pairs.passage("counting.tally")
    assert tally.text.startswith("counting.tally(first_item, other_item)\nWhen other_item is None")
    assert "Count first_item" not in tally.text
    assert "other_item" in {span.name for span in tally.entities}
    assert [s.name for s in pairs.queries[1].entities] == ["first_item"]
    assert [p.document for p in pairs.passages] == ["counting"] * 3 + ["pkg"]
    assert pairs.notes[0].startswith("2 docstrings are left out")


def test_a_folder_without_sources_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no Python sources"):
        python_pairs(tmp_path)


@pytest.mark.parametrize("name", ["run.yaml", "stage2.yaml"])
def test_the_run_files_of_the_example_are_right(name: str) -> None:
    found = load(Path(__file__).parents[2] / "examples" / "search_stdlib" / name, environment={})
    assert found.run.data.train == found.run.data.eval == "pairs"
    assert found.run.recipe == {"run.yaml": "embed", "stage2.yaml": "align"}[name]


@pytest.mark.parametrize(
    ("text", "sentence", "rest"),
    [
        ("Do it. Now.", "Do it.", "Now."),
        ("Do it, e.g. So. Now.", "Do it, e.g. So.", "Now."),
        ("Use v3.11 of it\nall. Or not.", "Use v3.11 of it all.", "Or not."),
        ("A summary line\n\nWith more.", "A summary line", "With more."),
        ("f(a, b) -> int\n\nAdd. Both.", "Add.", "Both."),
        ("", "", ""),
    ],
)
def test_where_a_sentence_ends(text: str, sentence: str, rest: str) -> None:
    assert first_sentence(text) == (sentence, rest)


@pytest.mark.slow
def test_the_standard_library_of_this_python() -> None:
    pairs = python_pairs()
    assert len(pairs) > 1000
    assert len({p.document for p in pairs.passages}) > 80
    assert fingerprint_pairs(pairs) == fingerprint_pairs(python_pairs())

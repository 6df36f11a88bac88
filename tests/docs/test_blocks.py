"""What reads the documents for the tests: it must see what is wrong, or every document passes."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from blocks import Command, anchors, blocks, commands, links, missing

PAGE = """# A page: `of` things

<!-- slow -->
```console
$ first --option \\
    more # exit 2
Error: ... line 3
$ second
```

- <!-- file: rows.csv -->
  ```csv
  a,b
  ```

[here](#a-page-of-things) and ![there](there.svg), not [away](https://example.org) nor `[x](y)`
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_blocks_with_their_comments(page: Path) -> None:
    console, rows = blocks(page)
    assert (console.kind, console.slow, console.line) == ("console", True, 4)
    assert (rows.kind, rows.text, rows.slow) == ("csv", "a,b\n", False)


def test_commands_with_code_and_output(page: Path) -> None:
    first, second = commands(blocks(page)[0])
    assert first == Command("first --option \\\n    more", 5, 2, ["Error: ... line 3"])
    assert second == Command("second", 8)


def test_links_and_headings(page: Path) -> None:
    assert links(page) == ["#a-page-of-things", "there.svg"]
    assert "a-page-of-things" in anchors(page)


def test_a_block_that_is_not_closed(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("```console\n$ ls\n", encoding="utf-8")
    with pytest.raises(ValueError, match="not closed"):
        blocks(path)


@pytest.mark.parametrize(
    ("wanted", "absent"),
    [
        (["one two"], None),
        (["one ... three"], None),
        (["four", "five"], None),
        (["five", "four"], "four"),
        (["one ... four"], "one ... four"),  # on one line only
        (["six"], "six"),
    ],
)
def test_what_the_output_lacks(wanted: list[str], absent: str | None) -> None:
    assert missing(wanted, "one  two three\n  four\nfive\n") == absent

"""The pages in the docs are those of the rules."""

from pathlib import Path

import pytest

from huohou import text
from huohou.diagnose.pages import explain, pages
from huohou.diagnose.rule import rules
from huohou.errors import UsageError

FOLDER = Path(__file__).parents[2] / "docs" / "rules"


def test_pages_in_the_docs_are_those_of_the_rules() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert written == pages(), "write them: python -m huohou.diagnose.pages docs/rules"


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_every_code_is_explained(language: str) -> None:
    text.use(language)
    try:
        for rule in rules():
            told = explain(rule.code)
            assert told["name"] and told["why"] and told["how"] and told["example"]["title"]
    finally:
        text.use(None)


def test_unknown_code_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean overfit"):
        explain("overfitt")

"""The pages in the docs are those of the rules."""

import re
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


def test_each_page_has_its_twin_and_links_lead_somewhere() -> None:
    found = pages()
    for file, page in found.items():
        stem, chinese = file.split(".")[0], file.endswith(".zh.md")
        twin = f"{stem}.md" if chinese else f"{stem}.zh.md"
        links = re.findall(r"\]\(([^)]+)\)", page)
        assert links[0] == twin and twin in found, file
        assert re.findall(r"^#+ ", page, re.M) == re.findall(r"^#+ ", found[twin], re.M), file
        for link in links:
            assert link in found or (FOLDER / link).resolve().is_file(), f"{file} links to {link}"
        rules_linked = [link for link in links[1:] if link in found]
        assert all(link.endswith(".zh.md") == chinese for link in rules_linked), file


def test_a_page_is_of_its_own_language_whatever_is_spoken() -> None:
    text.use("zh")
    try:
        found = pages()
        assert text.language() == "zh"
    finally:
        text.use(None)
    assert found == pages()
    for rule in rules():
        for file, language in ((f"{rule.code}.md", "en"), (f"{rule.code}.zh.md", "zh")):
            assert text.sentences(language)[f"rule.{rule.code}.why"] in found[file]


def test_what_has_several_lines_stays_in_its_quotation() -> None:
    page = pages()["train-serve-mismatch.md"]
    assert ">   ```text\n" in page
    said = page.split("## What it says\n\n")[1].split("\n\n## Tests")[0]
    assert all(line.startswith(">") for line in said.splitlines())


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

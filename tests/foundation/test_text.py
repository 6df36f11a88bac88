"""Both languages say the same things, and every key in the code is there."""

import re
from pathlib import Path
from string import Formatter

import pytest

from huohou import text

SOURCE = Path(text.__file__).parent


def slots(sentence: str) -> set[str]:
    return {
        name.split("!")[0].split(":")[0] for _, name, _, _ in Formatter().parse(sentence) if name
    }


def test_both_languages_have_the_same_keys() -> None:
    assert set(text.sentences("en")) == set(text.sentences("zh"))


def test_both_languages_fill_the_same_slots() -> None:
    """One test and not three thousand, whose names alone took ten seconds; all keys are told."""
    english, chinese = text.sentences("en"), text.sentences("zh")
    assert {key for key in english if slots(english[key]) != slots(chinese[key])} == set()
    assert {key for key in english if not english[key].strip() or not chinese[key].strip()} == set()


def test_what_is_told_to_install_can_be_installed() -> None:
    """huohou is installed from its clone: a name alone would be looked for on an index."""
    for language in ("en", "zh"):
        for key, sentence in text.sentences(language).items():
            assert not re.search(r"(pip install|: install|请安装)[^.。]*huohou\[", sentence), key


def used_keys() -> set[str]:
    """Keys written out in the code, in calls of say and in errors."""
    pattern = re.compile(r"""(?:\bsay|Error)\(\s*"([a-z_]+(?:[.-][a-z0-9_-]+)+)\"""")
    in_templates = re.compile(r"""\bt\(\s*"([a-z_]+(?:[.-][a-z0-9_-]+)+)"[,)\s]""")
    return {
        key
        for suffix, found in ((".py", pattern), (".html", in_templates))
        for path in SOURCE.rglob(f"*{suffix}")
        for key in found.findall(path.read_text("utf-8"))
    }


def test_every_key_in_the_code_is_in_the_locale_files() -> None:
    keys = used_keys()
    assert len(keys) > 20, "the pattern still finds keys"
    assert keys - set(text.sentences("en")) == set()


def test_every_sentence_is_used() -> None:
    kinds = (".py", ".yaml", ".md", ".html", ".js")
    files = [p for p in SOURCE.rglob("*") if p.suffix in kinds and p.parent.name != "lib"]
    code = "\n".join(path.read_text("utf-8") for path in files)
    # what is put together: f"a.{b}", `a.${b}` in scripts, "a." ~ b in templates
    families = set(re.findall(r"""f["']([a-z_]+(?:\.[a-z0-9_]*)*[._])\{""", code))
    families |= set(re.findall(r"""`([a-z_]+(?:\.[a-z0-9_]*)*[._])\$\{""", code))
    families |= set(re.findall(r"""["']([a-z_]+(?:\.[a-z0-9_]*)*[._])["'] ~ """, code))
    # the same as looking for each in quotation marks, in one pass through the code
    marks = (('"', '"'), ("'", "'"), ("«", "»"))
    quoted = {
        word for mark, end in marks for word in re.findall(rf"(?<={mark})[\w.-]+(?={end})", code)
    }
    keys = text.sentences("en")
    assert [key for key in keys if re.fullmatch(r"[\w.-]+", key) is None] == []
    unused = [
        key
        for key in keys
        if key not in quoted and not any(key.startswith(family) for family in families)
    ]
    assert unused == []


def test_language_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUOHOU_LANG")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert text.language() == "zh"
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert text.language() == "en"
    text.use("zh")
    assert text.language() == "zh"


def test_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="fr"):
        text.use("fr")

"""A model's tokenizer and chat template as the rest of huohou sees them."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou import models
from huohou.errors import ModelError
from tiny import CHATML, tiny_llama_folder, tiny_tokenizer


@dataclass(frozen=True)
class Turn:
    role: str
    content: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama_folder(tmp_path_factory.mktemp("model") / "tiny")


def changed(folder: Path, to: Path, template: str | None) -> models.ChatTokenizer:
    """The tokenizer of the folder with another template."""
    hf = tiny_tokenizer()
    hf.chat_template = template
    hf.save_pretrained(to)
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        (to / name).write_bytes((folder / name).read_bytes())
    return models.load_tokenizer(str(to))


def test_it_speaks_the_models_own_template(folder: Path) -> None:
    tokenizer = models.load_tokenizer(str(folder))
    turns = [Turn("system", "s"), Turn("user", "联行号？"), Turn("assistant", "402535510938")]
    assert tokenizer.decode(tokenizer.encode_chat(turns)) == (
        "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\n联行号？<|im_end|>\n"
        "<|im_start|>assistant\n402535510938<|im_end|>\n"
    )
    asked = tokenizer.encode_chat(turns[:2], add_generation_prompt=True)
    assert tokenizer.decode(asked).endswith("<|im_start|>assistant\n")
    assert tokenizer.name == str(folder)
    assert tokenizer.padding_id == tokenizer.hf.pad_token_id


@given(st.text(st.characters(codec="utf-8"), max_size=40))
@settings(max_examples=50, deadline=None)
def test_text_comes_back_as_it_went_in(text: str) -> None:
    tokenizer = models.ChatTokenizer(tiny_tokenizer(), "tiny")
    ids = tokenizer.encode_chat([Turn("user", text)])
    assert tokenizer.decode(ids) == f"<|im_start|>user\n{text}<|im_end|>\n"


def test_end_of_turn_joins_what_the_files_and_the_template_say(
    folder: Path, tmp_path: Path
) -> None:
    template = CHATML.replace("'<|im_end|>' + '\\n'", "'<|endoftext|>'")
    assert template != CHATML
    tokenizer = changed(folder, tmp_path / "m", template)
    (tmp_path / "m" / "generation_config.json").write_text('{"eos_token_id": [5, 2]}')
    tokenizer = models.load_tokenizer(str(tmp_path / "m"))
    closing = tokenizer.hf.convert_tokens_to_ids("<|endoftext|>")
    assert tokenizer.end_of_turn == {5, 2, closing}


def test_a_template_that_closes_with_nothing_adds_nothing(folder: Path, tmp_path: Path) -> None:
    plain = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}"
    tokenizer = changed(folder, tmp_path / "m", plain)
    assert tokenizer.end_of_turn == {tokenizer.hf.eos_token_id}


def test_fingerprint_follows_vocabulary_and_template_and_nothing_else(
    folder: Path, tmp_path: Path
) -> None:
    first = models.load_tokenizer(str(folder))
    used = models.load_tokenizer(str(folder))
    used.hf(["a", "bb"], padding=True, truncation=True, max_length=4)
    assert used.fingerprint == first.fingerprint
    assert len(first.fingerprint) == 64
    other = changed(folder, tmp_path / "a", CHATML.replace("system", "System") + " ")
    assert other.fingerprint != first.fingerprint
    raw = json.loads((folder / "tokenizer.json").read_text())
    raw["model"]["merges"].pop()
    changed(folder, tmp_path / "b", CHATML)
    (tmp_path / "b" / "tokenizer.json").write_text(json.dumps(raw))
    assert models.load_tokenizer(str(tmp_path / "b")).fingerprint != first.fingerprint


def test_no_template_says_what_to_take(folder: Path, tmp_path: Path) -> None:
    tokenizer = changed(folder, tmp_path / "m", None)
    assert tokenizer.end_of_turn == {tokenizer.hf.eos_token_id}
    with pytest.raises(ModelError, match="-Instruct"):
        tokenizer.encode_chat([Turn("user", "hi")])


def test_a_template_that_refuses_is_quoted(folder: Path, tmp_path: Path) -> None:
    strict = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
        + CHATML
    )
    tokenizer = changed(folder, tmp_path / "m", strict)
    with pytest.raises(ModelError, match="no system here"):
        tokenizer.encode_chat([Turn("system", "s"), Turn("user", "hi")])


def test_a_template_runs_no_code(folder: Path, tmp_path: Path) -> None:
    """Templates come with models: the sandbox must hold."""
    evil = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    tokenizer = changed(folder, tmp_path / "m", CHATML)
    tokenizer.hf.chat_template = evil
    with pytest.raises(ModelError):
        tokenizer.encode_chat([Turn("user", "hi")])


def test_broken_files_are_named(folder: Path, tmp_path: Path) -> None:
    changed(folder, tmp_path / "m", CHATML)
    (tmp_path / "m" / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError):
        models.load_tokenizer(str(tmp_path / "m"))
    changed(folder, tmp_path / "n", CHATML)
    (tmp_path / "n" / "generation_config.json").write_text("[")
    with pytest.raises(ModelError, match=r"generation_config\.json"):
        models.load_tokenizer(str(tmp_path / "n"))

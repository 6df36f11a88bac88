"""Modelfiles: what is written is read back, what others write is read as Ollama reads it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.errors import DataError
from huohou.export.modelfile import Modelfile, parse_modelfile, read_modelfile

THEIRS = '''# made by somebody
from ./model.gguf

TEMPLATE """{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
system You are "brief".
PARAMETER stop "<|im_end|>"
PARAMETER stop <|endoftext|>
parameter temperature 0.7
LICENSE """
none
"""
MESSAGE user hi
SYSTEM """Be
  kind. """
'''


def test_a_file_of_somebody_elses() -> None:
    found = parse_modelfile(THEIRS)
    assert found.model == "./model.gguf"
    assert found.template is not None and found.template.startswith("{{ if .System }}<|im_start|>")
    assert found.template.endswith("assistant\n")
    assert found.system == "Be\n  kind. ", "the last one counts, as it stands in its quotes"
    assert found.stops == ("<|im_end|>", "<|endoftext|>")
    assert dict(found.parameters)["temperature"] == "0.7"


TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters='\r"'), max_size=60
)  # a quote at the end or three in a row is refused, see below
STOP = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1).filter(
    lambda text: '"' not in text
)


@given(template=TEXT, system=TEXT, stops=st.lists(STOP, max_size=3))
def test_what_is_written_is_read_back(template: str, system: str, stops: list[str]) -> None:
    made = Modelfile("./a.gguf", template, system, tuple(("stop", one) for one in stops))
    assert parse_modelfile(made.text()) == made


@pytest.mark.parametrize("text", ['say """this"""', 'ends with a "'])
def test_what_a_modelfile_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        Modelfile("./a.gguf", system=text).text()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "modelfile.no_from"),
        ("FROM a\nnonsense", "modelfile.line"),
        ("FROM a\nNOSUCH thing", "modelfile.line"),
        ("FROM a\nPARAMETER stop", "modelfile.line"),
        ('FROM a\nTEMPLATE """open', "modelfile.open_quotes"),
    ],
)
def test_what_is_none_is_said_with_its_line(text: str, key: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_modelfile(text)
    assert caught.value.key == key


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_modelfile(text)
    except DataError:
        return
    assert isinstance(found, Modelfile)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        read_modelfile(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError):
        read_modelfile(tmp_path / "bytes")

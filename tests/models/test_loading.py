"""Names that are no model, and folders that are none."""

import json
import shutil
from pathlib import Path

import pytest

from huohou import models
from huohou.errors import ModelError
from tiny import tiny_llama, tiny_llama_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama_folder(tmp_path_factory.mktemp("model") / "tiny")


def copy(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


def key_of(name: Path | str) -> str:
    with pytest.raises(ModelError) as caught:
        models.load_model(str(name))
    assert "\n" not in str(caught.value)
    return caught.value.key


def test_a_folder_is_loaded_in_the_format_wanted(folder: Path) -> None:
    import torch

    model = models.load_model(str(folder), "bfloat16")
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert model.config._attn_implementation == "sdpa"
    plain, made = models.load_model(str(folder)), tiny_llama()
    ids = torch.tensor([[1, 5, 9]])
    with torch.no_grad():
        assert torch.equal(plain(ids).logits, made(ids).logits)


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"smollm-135.*Did you mean smollm2-135m.*owner/name"):
        models.resolve("smollm-135")
    with pytest.raises(ModelError) as caught:
        models.resolve("gpt2")
    assert caught.value.key == "models.unknown"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["./nothing", "/nothing/here", "~/nothing/at/all", "nothing/"])
def test_a_folder_that_is_not_there(name: str) -> None:
    assert key_of(name) == "models.no_folder"


def test_a_file_and_an_empty_folder(folder: Path, tmp_path: Path) -> None:
    assert key_of(folder / "config.json") == "models.not_folder"
    assert key_of(tmp_path) == "models.no_config"
    (tmp_path / "adapter_config.json").write_text("{}")
    assert key_of(tmp_path) == "models.is_adapter"


def test_weights_that_are_absent_pickled_torn_or_somebody_elses(
    folder: Path, tmp_path: Path
) -> None:
    bare = copy(folder, tmp_path / "bare")
    (bare / "model.safetensors").unlink()
    assert key_of(bare) == "models.no_weights"
    (bare / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'echo'\ntR.")
    assert key_of(bare) == "models.only_pickle"
    torn = copy(folder, tmp_path / "torn")
    (torn / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:999])
    assert key_of(torn) == "models.cannot_load"


def test_random_weights_are_never_passed_off_as_a_model(folder: Path, tmp_path: Path) -> None:
    deeper = copy(folder, tmp_path / "deeper")
    config = json.loads((deeper / "config.json").read_text())
    config["num_hidden_layers"] = 3
    (deeper / "config.json").write_text(json.dumps(config))
    assert key_of(deeper) == "models.weights_missing"


def test_code_that_comes_with_a_model_is_not_run(folder: Path, tmp_path: Path) -> None:
    coded = copy(folder, tmp_path / "coded")
    config = json.loads((coded / "config.json").read_text())
    config |= {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "m.C", "AutoModelForCausalLM": "m.M"},
    }
    (coded / "config.json").write_text(json.dumps(config))
    (coded / "m.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert key_of(coded) == "models.needs_code"
    assert not (tmp_path / "ran").exists()


def test_broken_settings(folder: Path, tmp_path: Path) -> None:
    broken = copy(folder, tmp_path / "broken")
    (broken / "config.json").write_text("{")
    assert key_of(broken) == "models.cannot_load"
    (broken / "model.safetensors.index.json").write_text("[]")
    assert key_of(broken) == "models.bad_json"


def test_cache_folder_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUOHOU_CACHE", str(tmp_path))
    assert models.cache_folder() == tmp_path
    monkeypatch.delenv("HUOHOU_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert models.cache_folder() == tmp_path / "huohou"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert models.cache_folder().name == "huohou"


def test_weights_of_another_shape(folder: Path, tmp_path: Path) -> None:
    wider = copy(folder, tmp_path / "wider")
    config = json.loads((wider / "config.json").read_text()) | {"intermediate_size": 96}
    (wider / "config.json").write_text(json.dumps(config))
    assert key_of(wider) == "models.weights_missing"

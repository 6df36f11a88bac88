"""Models from hubs, over real HTTP to a hub on this machine."""

import importlib
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hubserver import Hub, hub

from huohou import models, text
from huohou.errors import ModelError
from huohou.models import progress
from huohou.models.progress import Meter, watch_folder
from tiny import tiny_llama_folder
from waiting import no_longer, wait_until


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama_folder(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def served(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub() as state:
        state.put(
            "team/tiny",
            tiny,
            **{"pytorch_model.bin": b"pickle", "modeling_x.py": b"code", "onnx/model.json": b"{}"},
        )
        _point_at(state.url, tmp_path, monkeypatch)
        yield state


def _point_at(url: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache / "hf"))
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", url)
    monkeypatch.setenv("MODELSCOPE_CACHE", str(cache / "ms"))
    monkeypatch.setenv("MODELSCOPE_HOME", str(cache / "ms-home"))
    monkeypatch.setattr("modelscope_hub.config._default_config", None)  # made anew from these


def _closed_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_mirror_gives_data_and_no_code(served: Hub) -> None:
    source = models.resolve("team/tiny")
    assert source.kind == "hub"
    names = {p.name for p in source.folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not names & {"pytorch_model.bin", "modeling_x.py", "onnx"}
    assert not served.sent & {"pytorch_model.bin", "modeling_x.py", "onnx/model.json"}
    assert models.load_model("team/tiny").config.hidden_size == 64


def test_second_time_asks_nobody(served: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    first = models.resolve("team/tiny")
    served.asked.clear()
    assert models.resolve("team/tiny") == first
    monkeypatch.setenv("HF_ENDPOINT", _closed_port())
    assert models.resolve("team/tiny") == first
    assert served.asked == []


def test_incomplete_cache_is_completed(served: Hub) -> None:
    folder = models.resolve("team/tiny").folder
    (folder / "model.safetensors").unlink()
    served.asked.clear()
    assert models.resolve("team/tiny").folder == folder
    assert (folder / "model.safetensors").exists()
    assert served.asked


def test_unknown_and_gated(served: Hub) -> None:
    served.gated.add("team/secret")
    with pytest.raises(ModelError, match=r"has no model team/none.*hf auth login") as caught:
        models.resolve("team/none")
    assert caught.value.key == "models.hub_unknown"
    with pytest.raises(ModelError) as caught:
        models.resolve("team/secret")
    assert caught.value.key == "models.hub_gated"


def test_only_pickle_is_refused_before_anything_is_fetched(served: Hub) -> None:
    served.files["team/old"] = {"config.json": b"{}", "pytorch_model.bin": b"pickle"}
    with pytest.raises(ModelError) as caught:
        models.resolve("team/old")
    assert caught.value.key == "models.only_pickle"
    assert served.sent == set()


def test_shared_out_weights_need_every_shard(served: Hub) -> None:
    files = dict(served.files["team/tiny"])
    files["model.safetensors.index.json"] = (
        b'{"weight_map": {"a": "model.safetensors", "b": "more.safetensors"}}'
    )
    served.files["team/torn"] = files
    with pytest.raises(ModelError, match=r"more\.safetensors"):
        models.resolve("team/torn")


@pytest.mark.parametrize("name", ["team/tiny", "modelscope:team/tiny"])
def test_unreachable_hub_is_told_at_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = _closed_port()
    _point_at(url, tmp_path, monkeypatch)
    importlib.import_module("modelscope")  # takes seconds by itself
    with pytest.raises(ModelError) as caught, no_longer(60):  # the libraries try for minutes
        models.resolve(name)
    said = str(caught.value)
    assert caught.value.key == "models.hub_unreachable"
    assert caught.value.exit_code == 2
    for needed in (url, "HF_ENDPOINT", "modelscope:", "smollm2-135m"):
        assert needed in said
    assert "\n" not in said


def test_silent_hub_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huohou.models.hub.PATIENCE_SECONDS", 0.5)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        _point_at(f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path, monkeypatch)
        with pytest.raises(ModelError, match="cannot be reached"), no_longer():
            models.resolve("team/tiny")


def test_switched_off_hub(served: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError) as caught:
        models.resolve("team/tiny")
    assert caught.value.key == "models.hub_offline"
    assert served.asked == []


def test_modelscope_gives_data_and_no_code(served: Hub) -> None:
    source = models.resolve("modelscope:team/tiny")
    assert source.kind == "modelscope"
    names = {p.name for p in source.folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not served.sent & {"pytorch_model.bin", "modeling_x.py"}
    served.asked.clear()
    assert models.resolve("modelscope:team/tiny") == source
    assert served.asked == []


def test_modelscope_without_the_model(served: Hub) -> None:
    with pytest.raises(ModelError) as caught:
        models.resolve("modelscope:team/none")
    assert caught.value.key == "models.hub_unknown"


def test_progress_is_told_in_the_language_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huohou.models.progress.QUIET_SECONDS", 0.0)
    monkeypatch.setattr("huohou.models.progress.PLAIN_SECONDS", 0.0)
    told: list[str] = []
    (tmp_path / "before").write_bytes(b"x" * 5_000_000)
    text.use("zh")
    try:
        with watch_folder(tmp_path, Meter("big", 4_000_000, told.append)):
            (tmp_path / "part").write_bytes(b"x" * 1_000_000)
            wait_until(lambda: any("正在下载 big：1 / 4 MB" in one for one in told))
    finally:
        text.use(None)


def test_progress_is_told_at_a_bearable_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=1000.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(progress, "time", clock)
    told: list[float] = []
    meter = Meter("big", 100, lambda _: told.append(clock.now))
    for clock.now in range(1001, 1031):  # type: ignore[misc]
        meter.at(1)
    assert told == [1002, 1012, 1022]


def test_what_is_quick_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huohou.models.progress.QUIET_SECONDS", 3600.0)
    told: list[str] = []
    with watch_folder(tmp_path, Meter("small", 10, told.append)):
        (tmp_path / "part").write_bytes(b"x" * 10)
    assert told == []

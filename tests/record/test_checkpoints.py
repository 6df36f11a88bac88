"""A checkpoint is whole or it is not taken."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huohou.record import checkpoints
from huohou.record.checkpoints import Checkpoint, Damaged, listed, newest, open_checkpoint, seal

CONTRACT = {"template": "a" * 64, "lora.rank": 8}


def saved(folder: Path, step: int, files: dict[str, bytes] | None = None) -> Path:
    """A sealed checkpoint with some files."""
    staged = folder / checkpoints.STAGING / checkpoints.name(step)
    staged.mkdir(parents=True)
    content = files or {"adapter_model.safetensors": b"w" * 1000, "deep/rng.pth": bytes(range(256))}
    for name, data in content.items():
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).write_bytes(data)
    final = folder / checkpoints.name(step)
    seal(staged, final, CONTRACT)
    return final


def test_a_sealed_checkpoint_is_whole(tmp_path: Path) -> None:
    path = saved(tmp_path, 40)
    assert open_checkpoint(path) == Checkpoint(path, 40, CONTRACT)
    assert newest(tmp_path) == (Checkpoint(path, 40, CONTRACT), [])


def test_every_file_cut_at_every_tenth_is_noticed_and_the_one_before_taken(tmp_path: Path) -> None:
    good, bad = saved(tmp_path, 9), saved(tmp_path, 40)
    files = [path for path in bad.rglob("*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        whole = path.read_bytes()
        for tenth in range(10):
            path.write_bytes(whole[: len(whole) * tenth // 10])
            found, damaged = newest(tmp_path)
            assert found is not None and found.path == good
            assert [one.path for one in damaged] == [bad]
            assert path.name in damaged[0].problem or "huohou.json" in damaged[0].problem
        path.write_bytes(whole)
    assert newest(tmp_path)[0] == Checkpoint(bad, 40, CONTRACT)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_single_changed_byte_goes_unnoticed(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = saved(tmp_path_factory.mktemp("c"), 3)
    file = data.draw(st.sampled_from(["adapter_model.safetensors", "deep/rng.pth"]))
    raw = bytearray((path / file).read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    (path / file).write_bytes(bytes(raw))
    assert isinstance(open_checkpoint(path), Damaged)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": 1, "contract": {}}', '{"files": {"a": 5}, "contract": {}}'])  # fmt: skip
def test_a_list_that_is_none_is_no_crash(tmp_path: Path, text: str) -> None:
    path = saved(tmp_path, 3)
    (path / checkpoints.SEAL).write_text(text)
    assert isinstance(open_checkpoint(path), Damaged)


def test_what_is_half_written_or_somebody_elses_is_no_checkpoint(tmp_path: Path) -> None:
    staged = tmp_path / checkpoints.STAGING / "checkpoint-7"
    staged.mkdir(parents=True)
    (staged / "adapter_model.safetensors").write_bytes(b"half")
    (tmp_path / "checkpoint-5").mkdir()
    (tmp_path / "checkpoint-5" / "weights").write_bytes(b"from elsewhere")
    (tmp_path / "notes.txt").write_text("mine")
    found, damaged = newest(tmp_path)
    assert found is None
    assert [one.path.name for one in damaged] == ["checkpoint-5"]
    assert "huohou.json" in damaged[0].problem
    assert newest(tmp_path / "nowhere") == (None, [])


def test_the_same_step_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    saved(tmp_path, 5, {"a": b"first"})
    path = saved(tmp_path, 5, {"a": b"second"})
    assert (path / "a").read_bytes() == b"second"
    assert isinstance(open_checkpoint(path), Checkpoint)
    assert listed(tmp_path) == [path]


def test_set_aside_keeps_everything(tmp_path: Path) -> None:
    first = checkpoints.set_aside(saved(tmp_path, 5), "damaged")
    second = checkpoints.set_aside(saved(tmp_path, 5), "damaged")
    assert {first.name, second.name} == {"damaged-checkpoint-5", "damaged-checkpoint-5-2"}
    assert listed(tmp_path) == []
    assert json.loads((second / checkpoints.SEAL).read_text())["contract"] == CONTRACT
    shutil.rmtree(first)

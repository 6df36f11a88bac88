"""What counts as a full disk, and as lack of memory."""

from pathlib import Path

import pytest
import torch

from huohou.jobs import disk
from huohou.recipes.memory import is_out
from small_disk import small_disk


def test_what_counts_as_a_full_disk(tmp_path: Path) -> None:
    inner = OSError(28, "No space left on device")
    outer = RuntimeError("saving failed")
    outer.__cause__ = inner
    said = RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert disk.is_full(outer, tmp_path)
    assert disk.is_full(said, tmp_path)
    assert not disk.is_full(RuntimeError("PytorchStreamWriter failed writing file"), tmp_path)
    assert not disk.is_full(FileNotFoundError(2, "No such file"), tmp_path)


@pytest.mark.parametrize("kilobytes", range(4, 68, 8))
def test_whatever_torch_says_of_a_full_disk(tmp_path: Path, kilobytes: int) -> None:
    """Its words depend on the byte at which the disk is full, and name no disk."""
    weights = {"a": torch.zeros(3_000), "b": torch.zeros(10_000)}
    with small_disk(tmp_path / "disk", kilobytes) as place:
        with pytest.raises(RuntimeError) as caught:
            for i in range(3):
                torch.save(weights, place / f"{i}.pt")
        assert disk.is_full(caught.value, place)
        assert not disk.is_full(caught.value, tmp_path), "an elder fault where there is room"


def test_what_counts_as_lack_of_memory() -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    assert is_out(OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
    assert not is_out(RuntimeError("shapes differ"))

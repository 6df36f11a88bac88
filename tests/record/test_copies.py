"""Copies of checkpoints in a storage: whole there, or not taken; nobody else's are touched."""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import faulty_storage
import s3
from huohou.errors import MissingExtraError, StoreError, UsageError
from huohou.record import checkpoints
from huohou.record.copies import Copies
from huohou.record.manifests import Listed
from huohou.record.storage import Storage

CONTRACT = {"lora.rank": 8}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3.server() as address:
        yield address


@pytest.fixture(params=["file", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place in a folder, and in a bucket."""
    if request.param == "file":
        return f"file://{tmp_path}/there"
    return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"


def job(place: Path, name: str = "1-codes") -> Path:
    """A job's folder with a record."""
    folder = place / name
    folder.mkdir(parents=True)
    (folder / "job.jsonl").write_text(f'{{"kind": "queued", "of": "{place}"}}\n')
    (folder / "events.jsonl").write_text('{"kind": "start"}\n')
    return folder


def saved(folder: Path, step: int, best: int | None = None, salt: str = "") -> Path:
    """A sealed checkpoint."""
    place = folder / "checkpoints"
    staged = place / checkpoints.STAGING / checkpoints.name(step)
    (staged / "deep").mkdir(parents=True)
    (staged / "adapter_model.safetensors").write_bytes(f"{salt}{step}".encode() * 300)
    (staged / "deep" / "rng.pth").write_bytes(bytes(range(256)))
    (staged / "trainer_state.json").write_text(json.dumps({"best_global_step": best}))
    checkpoints.seal(staged, place / checkpoints.name(step), CONTRACT)
    return place / checkpoints.name(step)


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def steps(copies: Copies) -> list[int]:
    return [one.step for one in copies.whole()]


def test_a_copy_comes_back_byte_for_byte(address: str, tmp_path: Path) -> None:
    folder = job(tmp_path)
    path = saved(folder, 40)
    before = content(path)
    Storage(address).check()
    copies = Copies(Storage(address), folder)
    copies.save(path, 3)
    shutil.rmtree(folder / "checkpoints")
    found, notes = Copies(Storage(address), folder).bring(None)
    assert found == checkpoints.Checkpoint(path, 40, CONTRACT)
    assert (content(path), notes) == (before, [])
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["checkpoint-40"]
    assert copies.storage.read("events.jsonl") == (folder / "events.jsonl").read_text()
    assert copies.storage.names() == ["checkpoints", "events.jsonl", "job.jsonl"]


def test_as_many_are_kept_there_as_here(address: str, tmp_path: Path) -> None:
    folder = job(tmp_path)
    copies = Copies(Storage(address), folder)
    for step in (10, 20, 30, 40):
        copies.save(saved(folder, step, best=10), 2)
    assert steps(copies) == [40, 10]
    assert len(copies.storage.names("checkpoints")) == 4, "two folders, two manifests"


def test_the_best_one_comes_with_the_newest(tmp_path: Path) -> None:
    address = f"file://{tmp_path}/there"
    folder = job(tmp_path)
    copies = Copies(Storage(address), folder)
    for step in (10, 20, 30):
        copies.save(saved(folder, step, best=10), 9)
    shutil.rmtree(folder / "checkpoints")
    assert copies.bring(None)[1] == []
    kept = [path.name for path in checkpoints.listed(folder / "checkpoints")]
    assert kept == ["checkpoint-10", "checkpoint-30"]
    assert copies.bring(30) == (None, []), "what is here is as new"


def test_a_step_that_is_trained_again_takes_the_place(tmp_path: Path) -> None:
    address = f"file://{tmp_path}/there"
    folder = job(tmp_path)
    copies = Copies(Storage(address), folder)
    copies.save(saved(folder, 10, salt="first"), 2)
    again = content(saved(folder, 10, salt="again"))
    copies.save(folder / "checkpoints" / "checkpoint-10", 2)
    assert len(copies.storage.names("checkpoints")) == 2
    shutil.rmtree(folder / "checkpoints")
    found, _ = copies.bring(None)
    assert found is not None and content(found.path) == again


def test_what_others_put_there_is_neither_taken_nor_deleted(address: str, tmp_path: Path) -> None:
    """Another workspace's job of the same number and name; and files of a stranger in our place."""
    ours, theirs = job(tmp_path / "a"), job(tmp_path / "b")
    storage = Storage(address)
    one, other = Copies(storage, ours), Copies(storage, theirs)
    assert one.name != other.name
    other.save(saved(theirs, 90), 1)
    one.save(saved(ours, 10), 1)
    strange = one.storage
    strange.write("checkpoints/notes.txt", "mine")
    strange.write("checkpoints/checkpoint-5-someone/w.bin", "mine")
    told = other.storage.read("checkpoints/checkpoint-90.json")
    strange.write("checkpoints/checkpoint-90.json", told)
    one.save(saved(ours, 20), 1)
    assert steps(one) == [20]
    assert strange.read("checkpoints/notes.txt") == "mine"
    assert strange.read("checkpoints/checkpoint-5-someone/w.bin") == "mine"
    assert strange.read("checkpoints/checkpoint-90.json") == told
    assert steps(other) == [90]


@pytest.mark.parametrize("where", ["{}/mine.txt", "../../../../../mine.txt"])
def test_a_list_of_files_that_leads_out_of_its_checkpoint_is_refused(
    tmp_path: Path, where: str
) -> None:
    """The manifest is sound; the list that came with the checkpoint names a file of the user's."""
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    folder = job(tmp_path / "runs")
    copies = Copies(Storage(f"file://{tmp_path}/there"), folder)
    whole = copies.save(saved(folder, 10), 2)
    at = tmp_path / "there" / copies.name / "checkpoints" / whole.folder / "huohou.json"
    document = json.loads(at.read_text())
    listed = {"bytes": 4, "sha256": hashlib.sha256(b"mine").hexdigest()}
    document["files"] |= {where.format(tmp_path): listed}
    at.write_text(json.dumps(document))
    raw = at.read_bytes()
    changed = Listed(len(raw), hashlib.sha256(raw).hexdigest())
    evil = replace(whole, files={**whole.files, "huohou.json": changed})
    copies.storage.write("checkpoints/checkpoint-10.json", evil.dumps())
    shutil.rmtree(folder / "checkpoints")
    found, notes = copies.bring(None)
    assert found is None
    assert len(notes) == 1 and "huohou.json" in notes[0]


KINDS = ("whole", "no manifest", "cut manifest", "short", "changed", "missing", "absent")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=5), data=st.data())
def test_the_newest_whole_one_is_taken(
    kinds: list[str], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever happened to each of the copies, and to the one that is here."""
    tmp_path = tmp_path_factory.mktemp("copies")
    folder = job(tmp_path)
    copies = Copies(Storage(f"file://{tmp_path}/there"), folder)
    for n, kind in enumerate(kinds, start=1):
        copies.save(saved(folder, 10 * n), 9)
        damage(tmp_path / "there" / copies.name / "checkpoints", 10 * n, kind, data)
    shutil.rmtree(folder / "checkpoints")
    here = data.draw(st.none() | st.integers(0, 60))
    later = [10 * n for n, kind in enumerate(kinds, start=1) if here is None or 10 * n > here]
    whole = [step for step in later if kinds[step // 10 - 1] == "whole"]
    found, notes = copies.bring(here)
    assert (found.step if found else None) == max(whole, default=None)
    tried = [step for step in later if not whole or step > max(whole)]
    bad = [s for s in tried if kinds[s // 10 - 1] in ("short", "changed", "missing")]
    assert len(notes) == len(bad)
    assert all("adapter_model.safetensors" in note for note in notes)
    left = sorted(p.name for p in (folder / "checkpoints").glob("*"))
    assert left == ([f"checkpoint-{max(whole)}"] if whole else [])


def damage(place: Path, step: int, kind: str, data: st.DataObject) -> None:
    manifest = place / f"checkpoint-{step}.json"
    if kind == "no manifest":
        manifest.unlink()
    elif kind == "cut manifest":
        manifest.write_bytes(manifest.read_bytes()[: data.draw(st.integers(0, 100))])
    elif kind == "absent":
        manifest.unlink()
        shutil.rmtree(next(place.glob(f"checkpoint-{step}-*")))
    elif kind != "whole":
        (file,) = place.glob(f"checkpoint-{step}-*/adapter_model.safetensors")
        raw = bytearray(file.read_bytes())
        raw[len(raw) // 2] ^= 1
        new = {"short": raw[:-1], "changed": raw}
        file.unlink() if kind == "missing" else file.write_bytes(new[kind])


@pytest.mark.parametrize("fault", ["fail", "half", "half rng.pth", "half huohou.json"])
def test_an_upload_that_breaks_off_is_no_checkpoint(tmp_path: Path, fault: str) -> None:
    folder = job(tmp_path)
    root = tmp_path / "there"
    copies = Copies(Storage(f"faulty://{root}"), folder)
    copies.save(saved(folder, 10), 2)
    faulty_storage.plant(root, fault)
    second = saved(folder, 20)
    with pytest.raises(StoreError, match="the network is gone"):
        copies.save(second, 2)
    assert steps(copies) == [10]
    faulty_storage.plant(root, "")
    copies.save(second, 2)
    assert steps(copies) == [20, 10]
    there = sorted(p.name for p in (root / copies.name / "checkpoints").iterdir())
    assert len(there) == 4, "what the first try left is gone"


def test_an_address_without_its_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingExtraError, match="pip install gcsfs"):
        Storage("gs://bucket/prefix")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("memory://runs", "memory:// ends"),
        ("nothing", "is no address"),
        ("nosuch://a/b", "Protocol not known"),
        ("ftp://lin:secret@host/runs", "a name or a password"),
    ],
)
def test_addresses_of_no_use_are_refused(wrong: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        Storage(wrong)
    assert "secret" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_found(bucket: str) -> None:
    for address in ("file:///proc/huohou", bucket.replace("runs", "nobodys-bucket")):
        with pytest.raises(UsageError, match=r"compute\.storage.*cannot be written"):
            Storage(address).check()


def test_a_place_that_cannot_be_read_keeps_nothing_of_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(storage: Storage, name: str) -> str:
        raise StoreError("storage.failed", address=storage.address, problem="may not be read")

    monkeypatch.setattr(Storage, "read", refused)
    storage = Storage(f"file://{tmp_path}/there")
    with pytest.raises(UsageError, match="may not be read"):
        storage.check()
    assert storage.names() == []

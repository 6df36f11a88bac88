"""What is asked of each machine of a cluster before anything starts."""

from pathlib import Path

import pytest

from huohou.errors import RunFailedError
from huohou.jobs import nodes
from huohou.jobs.nodes import Answer


def answering(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Machines that see these folders at the job's path."""

    def asked(folder: Path, token: str) -> list[Answer]:
        return [Answer(**nodes.look(str(one), token, f"host-{k}")) for k, one in enumerate(folders)]

    monkeypatch.setattr(nodes, "_asked", asked)


def test_a_shared_folder_passes_and_stays_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, tmp_path, tmp_path)
    nodes.check_nodes(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["apart", "missing", "copied"])
def test_a_folder_that_is_not_shared_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Another disk at the same path, no such path, and a copy that reads but does not write back."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    if kind != "missing":
        theirs.mkdir()
    if kind == "copied":
        monkeypatch.setattr(nodes.secrets, "token_hex", lambda _: "same")
        (theirs / ".shared-same").write_text("same")
    answering(monkeypatch, ours, theirs)
    with pytest.raises(RunFailedError, match="host-1") as caught:
        nodes.check_nodes(ours)
    assert "host-0" not in str(caught.value)
    assert list(ours.iterdir()) == []


def test_other_versions_are_named() -> None:
    ours = {"python": "3.11.9", "torch": "2.13.0", "peft": "0.21.2"}
    same = Answer("a", True, True, ours)
    other = Answer("b", True, True, {**ours, "torch": "2.12.1", "peft": ""})
    assert nodes.other_versions(ours, [same]) == []
    assert nodes.other_versions(ours, [same, other]) == [
        "b: torch 2.12.1, here 2.13.0",
        "b: peft -, here 0.21.2",
    ]

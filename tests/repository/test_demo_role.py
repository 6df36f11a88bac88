"""The demo of a role from its first line to its last: the character is learnt and handed over."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from demos import shown, surroundings


@pytest.mark.slow
def test_the_demo_of_a_role_learns_the_manner_and_proves_the_release(tmp_path: Path) -> None:
    told = shown(tmp_path, "role", "-s", "train.num_epochs=2")
    (folder,) = (tmp_path / "runs").glob("1-*")
    card = json.loads((folder / "scorecard.json").read_text("utf-8"))
    found = {metric["name"]: metric for metric in card["metrics"]}
    assert found["role.habits"]["difference"][1] > 0, "above the base by its interval"
    assert found["role.habit.stage-direction"]["value"] > 0.7
    perplexity = found["answers.perplexity"]
    assert perplexity["value"] < perplexity["baseline"]
    for name in ("gguf-q8_0", "ollama-q8_0"):
        proof = json.loads((folder / "exports" / name / "proof.json").read_text("utf-8"))
        assert all(side["prompts"]["different"] == 0 for side in proof["seen"]["sides"])
    assert (folder / "exports" / "ollama-q8_0" / "Modelfile").is_file()
    last = told.strip().splitlines()[-4:]
    for line, beginning in zip(
        last, ("Learnt", "What habits", "Handed over", "Talk with it"), strict=True
    ):
        assert line.startswith(beginning), last
    talk = subprocess.run(
        [sys.executable, "-m", "huohou", "chat", "1"],
        env=surroundings(tmp_path),
        input="Who are you?\n",
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert "through llama.cpp" in talk.stderr
    assert talk.stdout.startswith("(")

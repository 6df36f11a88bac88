"""``export --to ollama``: the Modelfile, its template by real Go, and Modelfiles with faults."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from golang import build, prompts

from huohou.cli import main
from huohou.data.dataset import Message
from huohou.diagnose.serving import judge
from huohou.export.modelfile import Modelfile, read_modelfile
from huohou.export.ollama import modelfile_of
from huohou.export.probe import Served, probe
from huohou.export.release import Release, export
from huohou.models import load_tokenizer
from huohou.record.finding import Finding
from huohou.record.recorder import Journal
from scored_job import TAUGHT

SYSTEM = "Answer with the code alone."
LLAMA2 = (
    "[INST] {{ if .System }}<<SYS>>\n{{ .System }}\n<</SYS>>\n\n{{ end }}"
    "{{ .Prompt }} [/INST] {{ .Response }}"
)
QUIET = lambda _what, _done, _of: None  # noqa: E731


@pytest.fixture(scope="module")
def release(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    out = tmp_path_factory.mktemp("ollama") / "out"
    return export(taught, "ollama", judge, (TAUGHT, ()), quantize="q8_0", out=out)


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("go"))


@pytest.mark.slow
def test_the_release_is_proved_by_file_and_modelfile(release: Release) -> None:
    assert release.proved
    sides = {side["side"]: side for side in release.proof["seen"]["sides"]}
    assert set(sides) == {"gguf", "modelfile"}
    assert sides["modelfile"]["prompts"]["different"] == 0
    found = read_modelfile(release.folder / "Modelfile")
    assert (release.folder / found.model).is_file()
    assert found.system == SYSTEM
    assert found.stops == ("<|im_end|>",)


@pytest.mark.slow
def test_real_go_gives_the_ids_of_training(release: Release, taught: Path, go: Path) -> None:
    """As a user of Ollama asks: the question alone, the system prompt put first by the file."""
    found = read_modelfile(release.folder / "Modelfile")
    assert found.template is not None
    tokenizer = load_tokenizer(str(taught.parent / "base"))
    asked = [(found.template, (Message("system", found.system or ""), row.messages[1]))
             for row in TAUGHT]  # fmt: skip
    for row, prompt in zip(TAUGHT, prompts(go, asked), strict=True):
        assert prompt is not None
        ids = tokenizer.hf.encode(prompt, add_special_tokens=False)
        assert ids == tokenizer.encode_chat(row.messages[:-1], add_generation_prompt=True)


def _changed(taught: Path, place: Path, change: Callable[[Modelfile], Modelfile]) -> list[Finding]:
    """What is found where a Modelfile that is right is changed."""
    base = str(taught.parent / "base")
    found = change(modelfile_of(load_tokenizer(base), "model.gguf", SYSTEM))
    path = place / "Modelfile"
    path.write_text(found.text(), encoding="utf-8")
    served = Served(modelfile=path)
    return list(judge(probe(base, taught / "adapter", served, TAUGHT, QUIET)))


def test_a_modelfile_that_is_right(taught: Path, tmp_path: Path) -> None:
    assert _changed(taught, tmp_path, lambda found: found) == []


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (lambda found: replace(found, template=LLAMA2), "[INST] <<SYS>>"),
        (lambda found: replace(found, system=None), "<|im_start|>user"),
        (lambda found: replace(found, system="Be kind."), "Be kind."),
        (
            lambda found: replace(found, template=f"<|im_start|>{found.template}"),
            "<|im_start|><|im",
        ),
    ],
    ids=["another family", "no system prompt", "another one", "doubled BOS"],
)
def test_a_modelfile_with_a_fault(
    change: Callable[[Modelfile], Modelfile], shown: str, taught: Path, tmp_path: Path
) -> None:
    (finding,) = _changed(taught, tmp_path, change)
    assert finding.code == "train-serve-mismatch"
    told = "\n".join(fact.text for fact in finding.evidence)
    assert "modelfile" in told and shown in told and "^" in told


def test_a_modelfile_without_its_stop(taught: Path, tmp_path: Path) -> None:
    """A base that was no chat model ends at another token than the turns it was taught: the stop
    parameter is all that ends an answer."""
    base, job = tmp_path / "base", tmp_path / "job"
    shutil.copytree(taught.parent / "base", base)
    shutil.copytree(taught / "adapter", job / "adapter")
    path = base / "tokenizer_config.json"
    told = json.loads(path.read_text(encoding="utf-8")) | {"eos_token": "<|endoftext|>"}
    path.write_text(json.dumps(told), encoding="utf-8")
    assert _changed(job, tmp_path, lambda found: found) == []
    (finding,) = _changed(job, tmp_path, lambda found: replace(found, parameters=()))
    assert finding.code == "never-stops"
    said = "\n".join(fact.text for fact in finding.evidence)
    assert "modelfile" in said and "token 2" in said


def test_diagnose_probe_takes_a_modelfile(
    taught: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Modelfile"
    path.write_text(Modelfile("./x.gguf", LLAMA2, SYSTEM).text(), encoding="utf-8")
    base, rows = taught.parent / "base", taught.parent / "train.jsonl"
    words = ["--probe", "--base", base, "--adapter", taught / "adapter", "--data", rows]
    code = main.run(["diagnose", *map(str, words), "--modelfile", str(path)])
    out = capsys.readouterr().out
    assert code == 1 and "train-serve-mismatch" in out and "modelfile: 0 of 8" in out
    path.write_text("FROM x\nSYSTEM Be kind.\n", encoding="utf-8")
    code = main.run(["diagnose", *map(str, words), "--modelfile", str(path)])
    assert code == 2 and "TEMPLATE" in capsys.readouterr().err
    path.write_text("FROM x\nTEMPLATE {{ printf `%s` .Prompt }}\n", encoding="utf-8")
    code = main.run(["diagnose", *map(str, words), "--modelfile", str(path)])
    assert code == 2 and "printf" in capsys.readouterr().err


@pytest.fixture
def job(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "place"
    folder = Path(
        shutil.copytree(taught, place / "1-tiny", ignore=shutil.ignore_patterns("exports"))
    )
    monkeypatch.setenv("HUOHOU_HOME", str(place))
    with Journal(folder / "job.jsonl", seg=0) as journal:
        journal.queued(1, "tiny", "sft", "base", epochs=2, steps=4, plan={})
        journal.state("completed")
    return folder


@pytest.mark.slow
def test_ollama_is_given_the_release_where_it_is_installed(
    job: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No ollama can run here: a stand-in notes how it is called, and refuses when told to."""
    tools = tmp_path / "tools"
    tools.mkdir()
    program = tools / "ollama"
    monkeypatch.setenv("PATH", os.pathsep.join([str(tools), "/bin", "/usr/bin"]))
    if shutil.which("ollama") is None:
        assert main.run(["export", "1", "--to", "ollama"]) == 0
        out = capsys.readouterr().out
        assert "ollama create tiny -f " in out and "ollama run tiny" in out
    program.write_text(f'#!/bin/sh\necho "$@" > {tools}/called\n', encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    made = tmp_path / "made"
    assert main.run(["export", "1", "--to", "ollama", "-o", str(made)]) == 0
    assert (tools / "called").read_text() == f"create tiny -f {made / 'Modelfile'}\n"
    assert json.loads((made / "proof.json").read_text())["target"] == "ollama"
    capsys.readouterr()
    program.write_text("#!/bin/sh\necho no room >&2\nexit 1\n", encoding="utf-8")
    assert main.run(["export", "1", "--to", "ollama", "-o", str(tmp_path / "again")]) == 1
    assert "no room" in capsys.readouterr().err

"""``huohou chat``: turns and commands through a pipe and a terminal, and who it is that answers."""

import io
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from huohou import api
from huohou.answer.llama import Llama
from huohou.api.answers import _open_tuned
from huohou.api.talk import Talk
from huohou.cli._chat import Chat, _stopping
from huohou.cli.main import run
from huohou.data.dataset import Message
from huohou.errors import ModelError
from huohou.plan import Plan
from huohou.probe.answers import Heard, Sampling, Spoken
from huohou.record.recorder import Journal
from interrupting import coming_again
from scored_job import DAWU, TAUGHT, ZHICHUN
from tiny import tiny_job, tiny_llama_folder
from tinygguf import write_gguf
from waiting import PATIENCE

TESTS = Path(__file__).parents[1]
SYSTEM = "Answer with the code alone."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_job(tmp_path_factory.mktemp("chat") / "runs" / "1-tiny", TAUGHT)
    with Journal(folder / "job.jsonl", seg=0) as journal:
        journal.queued(1, "tiny", "sft", "base", epochs=2, steps=4, plan={})
        journal.state("completed")
    return folder


@pytest.fixture
def job(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a workspace of its own; its base model and rows lie elsewhere."""
    monkeypatch.setenv("HUOHOU_HOME", str(tmp_path / "runs"))
    return Path(shutil.copytree(made, tmp_path / "runs" / "1-tiny"))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Types lines into `huohou chat`; its exit code, stdout and stderr."""

    def type_(text: str, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        code = run(["chat", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return type_


def release(folder: Path, target: str = "gguf", **proof: Any) -> Path:
    """A folder as an export leaves it, with a tiny GGUF file."""
    place = folder / "exports" / target
    place.mkdir(parents=True)
    write_gguf(place / "model.gguf")
    told = {"schema": 1, "target": target, "form": "f16", "system": SYSTEM} | proof
    (place / "proof.json").write_text(json.dumps(told), encoding="utf-8")
    return place


def test_the_adapter_answers_under_the_system_prompt_of_the_training(job: Path, typed: Any) -> None:
    code, out, err = typed("code of Dawu branch?\n\nXingfa, which code?\n/exit\nnever said\n", "1")
    assert code == 0
    assert out.splitlines()[0] == DAWU, "learnt with that system prompt, and said with it"
    assert len(out.splitlines()) == 2
    assert f"System prompt of the training: {SYSTEM}" in err
    assert "base model with adapter" in err
    assert "a second" not in err, "speeds are for terminals"


def test_turns_are_remembered_until_reset(typed: Any, job: Path) -> None:
    _, alone, _ = typed("Xingfa, which code?\n", "1")
    _, after, _ = typed("code of Dawu branch?\n/reset\nXingfa, which code?\n", "1")
    assert alone.splitlines() == [ZHICHUN] == after.splitlines()[1:]
    talk = api.open_talk("1")
    heard: list[list[str]] = []

    def speak(which: str, chat: list[Message], sampling: Sampling, heard_: Heard) -> Spoken:
        heard.append([turn.content for turn in chat])
        return Spoken(f"a{len(heard)}", 1, 1, 0.1, "end")

    _with(talk, speak, "one\ntwo\n/reset\nthree\n/system be brief\nfour\n/system -\nfive\n")
    assert heard == [
        [SYSTEM, "one"],
        [SYSTEM, "one", "a1", "two"],
        [SYSTEM, "three"],
        ["be brief", "four"],
        ["five"],
    ]


class _Speaker:
    def __init__(self, speak: Any) -> None:
        self.speak = speak

    def rendered(self, _chat: Any) -> tuple[str, int]:
        return "", 0


def _with(talk: Talk, speak: Any, text: str, system: str | None = None) -> None:
    stdin, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        told = Talk(_Speaker(speak), "tuned", talk.name, talk.system, "a test")
        assert Chat(told, Sampling(), system).run() == 0
    finally:
        sys.stdin = stdin


def test_where_the_talk_is_too_long_the_oldest_turns_go(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lengths: list[int] = []

    def speak(_w: str, chat: list[Message], _s: Sampling, heard: Heard) -> Spoken:
        if len(chat) > 4:
            raise ModelError("probe.prompt_too_long", name="x", tokens=9, most=8)
        lengths.append(len(chat))
        return Spoken("a", 1, 1, 0.1, "end")

    talk = Talk(_Speaker(speak), "tuned", "x", SYSTEM, "a test")
    _with(talk, speak, "1\n2\n3\n")
    assert lengths == [2, 4, 4]
    assert "oldest turns are left out" in capsys.readouterr().err


def test_a_question_too_long_by_itself_is_said_and_forgotten(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[int] = []

    def speak(_w: str, chat: list[Message], _s: Sampling, _h: Heard) -> Spoken:
        seen.append(len(chat))
        if "long" in chat[-1].content:
            raise ModelError("probe.prompt_too_long", name="x", tokens=9, most=8)
        return Spoken("a", 1, 1, 0.1, "length")

    _with(Talk(_Speaker(speak), "tuned", "x", None, "a test"), speak, "long\nshort\n")
    err = capsys.readouterr().err
    assert seen == [1, 1]
    assert "9" in err and "--max-tokens" in err


def test_commands(typed: Any, job: Path) -> None:
    code, out, err = typed("/help\n/nonsense\n/system\n/system Be kind.\n/QUIT\nhi\n", "last")
    assert (code, out) == (0, "")
    assert "/system TEXT" in err and "There is no command /nonsense" in err
    assert "System prompt of your own" in err and "Be kind." in err


def test_what_was_released_answers(typed: Any, job: Path) -> None:
    release(job)
    code, out, err = typed("hi\n", "1", "--max-tokens", "4")
    assert code == 0
    assert "model.gguf through llama.cpp" in err and SYSTEM in err
    assert out.strip()


def test_the_page_and_the_engine_ask_the_release_too(job: Path) -> None:
    release(job)
    with Journal(job / "job.jsonl", seg=0) as journal:
        journal.state("completed")
    desk = api.Desk()
    chat = [Message("system", SYSTEM), Message("user", "code of Dawu branch?")]
    opened = api.open_talk("1")
    same = opened.speaker.speak("tuned", chat, Sampling(8), lambda _: True).text
    assert desk.speak("1", chat, Sampling(8)).text == same != DAWU, "the file is random"
    base = api.open_talk("1", base=True).speaker.speak("base", chat, Sampling(8), lambda _: True)
    assert desk.speak("1:base", chat, Sampling(8)).text == base.text
    model = _open_tuned(job, "1-tiny", Plan.load(job / "plan.json"))
    assert isinstance(model, Llama)


def test_a_release_older_than_what_the_run_learnt_since_is_left_alone(
    typed: Any, job: Path
) -> None:
    place = release(job)
    os.utime(place / "proof.json", (1, 1))
    _, _, err = typed("", "1")
    assert "base model with adapter" in err


def test_a_merged_release_answers_where_there_is_no_gguf(typed: Any, job: Path) -> None:
    place = release(job, "merged")
    (place / "model.gguf").unlink()
    tiny_llama_folder(place)
    _, out, err = typed("hi\n", "1", "--max-tokens", "4")
    assert "merged model merged through PyTorch" in err and out.strip()


def test_an_export_is_talked_to_without_its_run(typed: Any, job: Path, tmp_path: Path) -> None:
    place = shutil.move(release(job), tmp_path / "moved")
    for named in (place, Path(place) / "model.gguf"):
        code, _, err = typed("", "--export", str(named))
        assert code == 0 and SYSTEM in err, "its proof says what it was trained with"
    code, _, err = typed("", "--export", str(tmp_path))
    assert code == 2 and "holds no model" in err


def test_a_checkpoint_or_the_base_instead(typed: Any, job: Path) -> None:
    shutil.copytree(job / "adapter", job / "checkpoints" / "checkpoint-4")
    assert typed("code of Dawu branch?\n", "1", "--checkpoint", "4")[1].strip() == DAWU
    code, _, err = typed("", "1", "--checkpoint", "5")
    assert code == 2 and "Kept: 4" in err
    _, out, err = typed("code of Dawu branch?\n", "1", "--base", "--max-tokens", "8")
    assert out.strip() != DAWU and "before the training" in err


def test_wrong_calls(typed: Any, job: Path) -> None:
    assert typed("")[0] == 2
    assert typed("", "nobody")[0] == 2
    code, _, err = typed("", "1", "--base", "--checkpoint", "4")
    assert code == 2 and "different models" in err


# A talk whose answer stands still after its first piece until Ctrl-C has come, however late.
STANDING = """
import sys
from huohou.cli import _chat
from huohou.cli.main import run
from waiting import wait_until

heard = _chat._heard

def standing(left):
    listen = heard(left)

    def then_wait(piece):
        goes_on = listen(piece)
        sys.stderr.write("[answering]")
        wait_until(lambda: left)
        return goes_on

    return then_wait

_chat._heard = standing
sys.exit(run(["chat", "1", "--base", "--max-tokens", "400", "--temperature", "2"]))
"""


def test_ctrl_c_stops_the_answer_and_not_the_talk(job: Path) -> None:
    """On a terminal of its own: an answer is broken off, the next command is obeyed."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", STANDING],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS)},
    )
    os.close(theirs)
    try:
        _until(ours, "> ")
        os.write(ours, b"hello\n")
        _until(ours, "[answering]")
        os.kill(child.pid, signal.SIGINT)
        assert "Stopped after" in _until(ours, "a second")
        os.write(ours, b"/exit\n")
        assert child.wait(PATIENCE) == 0
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def test_ctrl_c_while_another_is_heard() -> None:
    """Held down, it comes again while the first is being seen to."""
    with _stopping() as left, coming_again(signal.SIGINT):
        signal.raise_signal(signal.SIGINT)
    assert left


def _until(terminal: int, text: str) -> str:
    """What the terminal shows until this text is there."""
    shown = b""
    while text.encode() not in shown and select.select([terminal], [], [], PATIENCE)[0]:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    assert text in shown.decode(errors="replace"), shown.decode(errors="replace")
    return shown.decode(errors="replace")

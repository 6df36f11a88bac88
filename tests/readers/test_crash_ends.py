"""How a log ended: an error, a kill, a person; what was survived is none of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huohou.record.readers import read
from huohou.record.readers._ends import Ending, ending

HEAD = "Traceback (most recent call last):\n"
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
ROW = "{{'loss': {}, 'epoch': {}}}\n"


def trace(error: str, prefix: str = "", depth: int = 2) -> str:
    frames = '  File "train.py", line 3, in f\n    f()\n    ~^^\n' * depth
    lines = (HEAD + frames + error).split("\n")
    return "".join(f"{prefix}{line}\n" for line in lines)


def words(text: str, after: int = 0) -> str:
    found = ending(text, after)
    assert found is not None
    return found.words


@pytest.mark.parametrize("error", [OOM, "ValueError", "a.b.MyError: x", "KeyError: 'x'"])
def test_last_exception(error: str) -> None:
    text = "step 1\n" + trace(error)
    assert ending(text) == Ending(error, text.count("\n"), person=False)


def test_traceback_that_was_cut_off() -> None:
    assert words('step 1\nTraceback (most recent call last):\n  File "a.py", line 3') == (
        'File "a.py", line 3'
    )
    assert words("step 1\nTraceback (most recent call last):") == HEAD.strip(":\n")


@pytest.mark.parametrize(
    "line",
    [
        "Killed",
        "run.sh: line 5: 12345 Killed                  python train.py",
        "slurmstepd: error: *** JOB 99 ON n1 CANCELLED AT 2025-01-01T00:00:00 DUE TO TIME LIMIT ***",
        "slurmstepd: error: Detected 1 oom_kill event in StepId=99.batch",
        "srun: error: node01: task 0: Out Of Memory",
        "Segmentation fault (core dumped)",
        "subprocess.CalledProcessError: died with <Signals.SIGKILL: 9>.",
        "train.py: error: unrecognized arguments: --epochs",
        "RuntimeError: CUDA error: device-side assert triggered",
    ],
)
def test_killed(line: str) -> None:
    found = ending(f"step 1\n{line}\n")
    assert found == Ending(line, 2, person=False)


@pytest.mark.parametrize(
    "line",
    [
        "^C",
        "KeyboardInterrupt",
        "Terminated",
        "slurmstepd: error: *** JOB 99 ON n1 CANCELLED AT 2025-01-01T00:00:00 ***",
        "W0126 17:58:27.845376 1399 torch/x.py:688] Received Signals.SIGINT death signal",
    ],
)
def test_ended_by_a_person(line: str) -> None:
    found = ending(f"step 1\n{line}\n")
    assert found is not None and found.person


def test_interrupted_wins_over_what_it_brings_about() -> None:
    noise = trace("RuntimeError: DataLoader worker exited unexpectedly")
    signal = trace("torch.distributed.api.SignalException: Process 1 got signal: 2")
    for text in (trace("KeyboardInterrupt") + noise, signal):
        found = ending("step 1\n" + text)
        assert found is not None and found.person
    handled = trace("KeyboardInterrupt") + "\nDuring handling of the above exception, another\n\n"
    found = ending(handled + trace("OSError: broken"))
    assert found is not None and found.person and found.words == "OSError: broken"


def test_first_error_of_several_processes_is_the_cause() -> None:
    text = trace("KeyError: 'w'", "[rank1]: ") + trace(
        "torch.distributed.DistBackendError: NCCL error", "[rank0]: "
    )
    text += trace("torch.distributed.elastic.multiprocessing.errors.ChildFailedError:")
    text += "=====\ntrain.py FAILED\n-----\nFailures:\n  exitcode : 1 (pid: 5)\n" + "=" * 60
    assert words(text) == "KeyError: 'w'"
    mixed = trace("KeyError: 'w'", "[rank1]: ").split("\n")
    other = trace("KeyError: 'v'", "[rank0]: ").split("\n")
    both = "\n".join(line for pair in zip(mixed, other, strict=True) for line in pair)
    assert words(both) == "KeyError: 'w'"


def test_lost_processes_only_where_there_is_nothing_else() -> None:
    nccl = "[E ProcessGroupNCCL.cpp:475] [Rank 0] Watchdog caught collective operation timeout: x"
    assert words(f"step 1\n{nccl}\n") == nccl
    child = trace("x.ChildFailedError: ")
    assert words(child) == "x.ChildFailedError:"
    assert words(f"{nccl}\n" + child) == nccl


def test_the_last_of_a_chain_ended_it() -> None:
    text = (
        trace("KeyError: 'x'") + "\nDuring handling of the above exception, another exception\n\n"
    )
    assert words(text + trace("RuntimeError: no such key")) == "RuntimeError: no such key"


def test_behind_a_progress_bar() -> None:
    text = "Training:   0%|          | 0/100000 [00:00<?, ?it/s]" + trace(
        "KeyError: 1", "[rank1]: "
    )
    assert ending(text) == Ending("KeyError: 1", text.count("\n"), person=False)


def test_survived() -> None:
    caught = trace("ConnectionError: retrying")
    assert ending("step 1\n" + caught + "step 2\n", after=len("step 1\n" + caught)) is None
    assert ending(caught + "more\n" * 100) is None, "long ago"
    assert ending(caught + "Training completed. Do not forget\n") is None
    assert ending("nothing happened\nError rate: 0.1\nno error: all fine\n") is None


def test_error_overtakes_lines_that_were_kept_back() -> None:
    text = (
        "iter 1: loss 2.0, time 5ms\niter 2: lo"
        + trace(OOM)
        + "ss 1.9, time 5ms\niter 3: loss 1.8\n"
    )
    assert words(text, len(text)) == OOM
    bars = "\r  1%|x | 1/90 [00:01<00:05, 13.0it/s]\r  2%|x | 2/90 [00:01<00:05, 13.0it/s]\n"
    text = bars + trace(OOM) + ROW.format(2.0, 0.1)
    assert words(text, len(text)) == OOM
    assert ending(bars + trace(OOM) + bars + "x", len(bars + trace(OOM) + bars)) is None


def test_facts_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text(ROW.format(2.0, 0.1) + trace(OOM))
    record = read(path)
    assert record.facts["crash"] == OOM and "interrupted" not in record.facts
    assert record.facts["ended_line"] == 9 and len(record.points("loss")) == 1
    path.write_text(ROW.format(2.0, 0.1) + trace("KeyboardInterrupt"))
    assert read(path).facts["interrupted"] is True
    path.write_text(ROW.format(2.0, 0.1) + trace("OSError: retry") + ROW.format(1.9, 0.2))
    assert "crash" not in read(path).facts


def test_crash_before_the_first_value(tmp_path: Path) -> None:
    path = tmp_path / "any.txt"
    path.write_text("loading\n" + trace("FileNotFoundError: train.jsonl"))
    record = read(path)
    assert record.source["reader"] == "text-log" and not record.series
    assert record.facts["crash"] == "FileNotFoundError: train.jsonl" and record.notes
    path.write_text("***** Running training *****\n  Num examples = 9\n" + trace(OOM))
    record = read(path)
    assert record.source["reader"] == "console" and record.facts["rows"] == 9
    assert record.facts["crash"] == OOM


@given(st.text(st.sampled_from("aT:\n\r []()^C9Error."), max_size=200), st.integers(0, 300))
def test_any_text(text: str, after: int) -> None:
    for one in (text, HEAD + text, text + HEAD, text + "Killed\n" + text):
        found = ending(one, after)
        assert found is None or 0 < found.line <= one.count("\n") + 1

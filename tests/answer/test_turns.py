"""Threads that take turns, against what they saw."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from huohou.answer.engine import Engine
from huohou.answer.index import FactIndex
from huohou.answer.turns import Turns
from huohou.data.facts import read_facts
from waiting import PATIENCE

EXAMPLE = Path(__file__).parents[2] / "examples" / "bank_codes" / "branches.csv"


def test_one_at_a_time_in_the_order_in_which_they_came() -> None:
    turns = Turns()
    inside: list[int] = []
    order: list[tuple[int, int]] = []

    def work(number: int) -> None:
        with turns:
            inside.append(number)
            order.append((number, len(inside)))
            time.sleep(0.002)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    with turns:
        for number, thread in enumerate(threads):
            thread.start()
            while len(turns._waiting) <= number:  # it waits before the next one comes
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == [(number, 1) for number in range(8)]


def test_an_error_ends_a_turn() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="once"), turns:
        raise ValueError("once")
    with turns:
        pass


def test_others_have_their_turns_while_one_stands_aside() -> None:
    turns = Turns()
    seen: list[str] = []

    def other() -> None:
        with turns:
            seen.append("other")

    thread = threading.Thread(target=other)
    with turns:
        thread.start()
        with turns.aside():
            thread.join(PATIENCE)
            seen.append("aside")
    assert seen == ["other", "aside"]


def test_who_is_interrupted_while_waiting_holds_up_nobody() -> None:
    turns = Turns()
    for called_already in (False, True):
        with turns:
            gone = threading.Lock()
            gone.acquire()
            if not called_already:
                turns._waiting.append(gone)
                turns._left(gone)
        if called_already:
            turns._taken = True  # the turn was given to it in the moment it was interrupted
            turns._left(gone)
        assert not turns._taken
        assert not turns._waiting


class Waiting:
    """A model that takes its time until others were answered."""

    name = "waiting"

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def probabilities(self, question: str, candidates: Sequence[str]) -> list[float]:
        self.asked.set()
        assert self.go.wait(PATIENCE)
        return [1 / (len(candidates) + 1)] * (len(candidates) + 1)


def test_a_model_that_thinks_keeps_nobody_waiting(tmp_path: Path) -> None:
    model = Waiting()
    engine = Engine(FactIndex.build(read_facts(EXAMPLE), tmp_path / "index"), model)
    slow = threading.Thread(target=engine.ask, args=("安陆农商行店支行的行号",))
    slow.start()
    try:
        assert model.asked.wait(PATIENCE)
        assert engine.ask("大悟农商行兴发支行").values == ("402535510938",)
    finally:
        model.go.set()
        slow.join(PATIENCE)

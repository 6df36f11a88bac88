"""A tuned model that puts an answer into words of its own, from passages it is shown."""

from collections.abc import Sequence
from pathlib import Path

from huohou.data.dataset import Message
from huohou.probe.generate import answer
from huohou.probe.load import load_run
from huohou.text import say

TOKENS = 160
SHOWN = 1500  # characters of a passage


class TunedWriter:
    """The model of a run of sft. Raises UsageError, ModelError where it cannot be loaded."""

    def __init__(self, folder: Path) -> None:
        self._models = load_run(folder)
        self.name = folder.name

    def write(self, question: str, passages: Sequence[str]) -> str:
        """Its greedy answer."""
        listed = "\n".join(f"[{i}] {text[:SHOWN]}" for i, text in enumerate(passages, 1))
        asked = say("passages.prompt", passages=listed, question=question)
        with self._models.using("tuned") as model:
            found = answer(
                model, self._models.tokenizer, [(Message("user", asked),)], max_new_tokens=TOKENS
            )
        return found[0].text

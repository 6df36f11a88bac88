"""A tuned model that puts an answer into words of its own, from passages it is shown."""

from collections.abc import Sequence

from huohou.data.dataset import Message
from huohou.probe.generate import answer
from huohou.probe.load import RunModels
from huohou.text import say

TOKENS = 160
SHOWN = 1500  # characters of a passage


class TunedWriter:
    """The model of a run of sft. name: as the answer names it."""

    def __init__(self, models: RunModels, name: str) -> None:
        self._models, self.name = models, name

    def write(self, question: str, passages: Sequence[str]) -> str:
        """Its greedy answer."""
        listed = "\n".join(f"[{i}] {text[:SHOWN]}" for i, text in enumerate(passages, 1))
        asked = say("passages.prompt", passages=listed, question=question)
        with self._models.using("tuned") as model:
            found = answer(
                model, self._models.tokenizer, [(Message("user", asked),)], max_new_tokens=TOKENS
            )
        return found[0].text

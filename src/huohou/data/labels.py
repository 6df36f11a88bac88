"""From a conversation to token ids, and which of them are trained.

Only what the assistant says is trained: its words and the token that ends its turn. The borders
are found by rendering the model's own chat template with and without the turn, never by looking
for marker strings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from huohou.data.dataset import Message, Row


class ChatTokenizer(Protocol):
    """What data needs of a tokenizer. ``models.load_tokenizer`` returns one."""

    @property
    def name(self) -> str:
        """The model's name, as the user gave it."""

    @property
    def fingerprint(self) -> str:
        """sha256 over vocabulary and chat template."""

    @property
    def end_of_turn(self) -> frozenset[int]:
        """Ids that stop generation."""

    def encode_chat(
        self, messages: Sequence[Message], *, add_generation_prompt: bool = False
    ) -> list[int]:
        """Token ids of the conversation in the model's chat template."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, special tokens included."""


@dataclass(frozen=True, slots=True)
class LabelledRow:
    """A tokenised conversation.

    ids: all tokens, cut to the length limit; labels: True where the token is trained;
    lost: answer tokens beyond the limit; ends: for each trained turn, whether its last trained
    token ends the turn; intact: whether each prompt is a prefix of the conversation that
    continues it (if not, the template rewrites earlier turns and labels cannot be trusted).
    """

    ids: tuple[int, ...]
    labels: tuple[bool, ...]
    lost: int = 0
    ends: tuple[bool, ...] = ()
    intact: bool = True

    @property
    def trained(self) -> int:
        """Number of trained tokens."""
        return sum(self.labels)


def label_row(row: Row, tokenizer: ChatTokenizer, max_length: int) -> LabelledRow:
    """Tokenise a row and mark what is trained: every assistant turn with its end-of-turn token.

    max_length: tokens kept from the start of the row.
    """
    full = tokenizer.encode_chat(row.messages)
    labels = [False] * len(full)
    ends: list[bool] = []
    intact = True
    for i, message in enumerate(row.messages):
        if message.role != "assistant":
            continue
        prompt = tokenizer.encode_chat(row.messages[:i], add_generation_prompt=True)
        through = tokenizer.encode_chat(row.messages[: i + 1])
        intact &= full[: len(prompt)] == prompt and full[: len(through)] == through
        stop = _end_of_turn(through, len(prompt), tokenizer.end_of_turn)
        ends.append(stop > len(prompt) and through[stop - 1] in tokenizer.end_of_turn)
        for k in range(len(prompt), min(stop, len(full))):
            labels[k] = True
    lost = sum(labels[max_length:])
    return LabelledRow(
        tuple(full[:max_length]), tuple(labels[:max_length]), lost, tuple(ends), intact
    )


def _end_of_turn(ids: list[int], start: int, stops: frozenset[int]) -> int:
    """One past the last end-of-turn token after start; the end of ids when there is none."""
    for k in range(len(ids) - 1, start - 1, -1):
        if ids[k] in stops:
            return k + 1
    return len(ids)

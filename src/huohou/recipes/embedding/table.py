"""Train only the rows of the word table that occur.

A row without a gradient stays as it is: Adam's moments of it are 0. So an optimizer that holds only
the rows of words in the training texts does the same with less work; half of a small encoder is its
word table. With weight decay every row changes, and the table is left whole.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from huohou.models.encoder import Encoder, load_encoder


class UsedRows(nn.Module):
    """A word table whose used rows are a parameter of their own."""

    def __init__(self, table: nn.Embedding, used: Iterable[int]) -> None:
        super().__init__()
        padding = table.padding_idx
        words = sorted({*used} | ({padding} if padding is not None else set()))
        self._table = [table]  # in a list: none of this module's own parameters
        self.register_buffer("words", torch.tensor(words), persistent=False)
        place = torch.full((table.num_embeddings,), -1)
        place[torch.tensor(words)] = torch.arange(len(words))
        self.register_buffer("place", place, persistent=False)
        self.padding = None if padding is None else int(place[padding])
        self.rows = nn.Parameter(table.weight.detach().cpu()[words].to(table.weight.device))
        self.to(table.weight.device)

    def forward(self, ids: Tensor) -> Tensor:
        """ids [..] -> [.., width]; words that are not trained come from the table."""
        places = self.get_buffer("place")[ids]
        if not torch.is_grad_enabled() and bool((places < 0).any()):
            whole: Tensor = self.table()(ids)
            return whole
        return functional.embedding(places, self.rows, self.padding)

    def table(self) -> nn.Embedding:
        """The whole table with the rows as they are now."""
        table = self._table[0]
        with torch.no_grad():
            table.weight[self.get_buffer("words")] = self.rows
        return table


def trim(encoder: Encoder, used: Iterable[int]) -> None:
    """Let only these rows of an encoder's word table be trained."""
    table = encoder.transformer.get_input_embeddings()
    if type(table) is nn.Embedding:
        encoder.transformer.set_input_embeddings(UsedRows(table, {*used, encoder.padding_id}))


@contextmanager
def whole(encoder: Encoder) -> Iterator[None]:
    """The encoder with its whole word table, to be saved or read into."""
    trimmed = encoder.transformer.get_input_embeddings()
    if not isinstance(trimmed, UsedRows):
        yield
        return
    table = trimmed.table()
    encoder.transformer.set_input_embeddings(table)
    try:
        yield
    finally:
        with torch.no_grad():
            trimmed.rows.copy_(table.weight[trimmed.get_buffer("words")])
        encoder.transformer.set_input_embeddings(trimmed)


def load_encoder_weights(encoder: Encoder, folder: Path) -> None:
    """The weights of a saved encoder into one of the same shape, trimmed or not."""
    saved = load_encoder(str(folder)).state_dict()
    with whole(encoder):
        encoder.load_state_dict(saved)

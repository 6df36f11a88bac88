"""A model's own tokenizer and chat template, as the rest of huohou uses them."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from huohou.errors import ModelError, first_line
from huohou.machine import importing
from huohou.models.files import read_json
from huohou.models.library import quiet
from huohou.models.names import resolve
from huohou.models.progress import Progress


class Turn(Protocol):
    """One turn of a conversation."""

    @property
    def role(self) -> str:
        """system, user, assistant or tool."""

    @property
    def content(self) -> str:
        """What is said."""


class ChatTokenizer:
    """A tokenizer with its chat template.

    hf: the transformers tokenizer beneath; name: the model's name as the user gave it.
    """

    def __init__(self, hf: Any, name: str, stops: Sequence[int] = ()) -> None:
        self.hf, self.name, self._stops = hf, name, tuple(stops)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over vocabulary and chat template."""
        return _sha256([self._backend, self.hf.chat_template])

    @property
    def parts(self) -> dict[str, str]:
        """sha256 of the template and of the tokenizer, each by itself."""
        return {"template": _sha256(self.hf.chat_template), "tokenizer": _sha256(self._backend)}

    @cached_property
    def _backend(self) -> dict[str, Any]:
        backend: dict[str, Any] = json.loads(self.hf.backend_tokenizer.to_str())
        for use in ("padding", "truncation"):  # left behind by whoever used it, not its nature
            backend.pop(use, None)
        return backend

    @cached_property
    def end_of_turn(self) -> frozenset[int]:
        """Ids that stop generation: the model's, the tokenizer's, and what closes an answer."""
        ids = {*self._stops, self.hf.eos_token_id, self.closing}
        return frozenset(i for i in ids if i is not None)

    @property
    def padding_id(self) -> int:
        """Id to fill up with: the tokenizer's own, else one that ends a turn."""
        own: int | None = self.hf.pad_token_id
        return own if own is not None else min(self.end_of_turn, default=0)

    def encode_chat(
        self, messages: Sequence[Turn], *, add_generation_prompt: bool = False
    ) -> list[int]:
        """Token ids of a conversation in the model's chat template.

        Raises ModelError when there is no template, or it refuses these turns.
        """
        from jinja2 import TemplateError

        if not self.hf.chat_template:
            raise ModelError("models.no_template", name=self.name)
        turns = [{"role": m.role, "content": m.content} for m in messages]
        try:
            ids: list[int] = self.hf.apply_chat_template(
                turns,
                tokenize=True,
                return_dict=False,
                add_generation_prompt=add_generation_prompt,
            )
        except TemplateError as error:
            raise ModelError(
                "models.template_refuses", name=self.name, problem=str(error)
            ) from error
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, special tokens included."""
        text: str = self.hf.decode(
            list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text

    @cached_property
    def closing(self) -> int | None:
        """The special token that the template closes an answer with, found by rendering two."""
        if not self.hf.chat_template:
            return None
        ask = _Turn("user", "a")
        try:
            one, two = (self.encode_chat([ask, _Turn("assistant", word)]) for word in ("b", "cd"))
        except ModelError:  # a template that refuses so plain a talk tells nothing
            return None
        tail = 0
        while tail < min(len(one), len(two)) and one[-1 - tail] == two[-1 - tail]:
            tail += 1
        special = {i for i, token in self.hf.added_tokens_decoder.items() if token.special}
        return next((i for i in one[len(one) - tail :] if i in special), None)


class _Turn:
    def __init__(self, role: str, content: str) -> None:
        self.role, self.content = role, content


def load_tokenizer(name: str, progress: Progress | None = None) -> ChatTokenizer:
    """A model's tokenizer by the model's name. Raises ModelError when it cannot be loaded."""
    with importing():
        from transformers import AutoTokenizer

    quiet()
    folder = resolve(name, progress).folder
    try:
        with importing():  # the tokenizer's own class comes with the first one that is read
            hf = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError("models.no_tokenizer", name=name, problem=first_line(error)) from error
    return ChatTokenizer(hf, name, _stops(folder))


def _stops(folder: Path) -> list[int]:
    """End-of-sequence ids from the model's own files."""
    found: list[Any] = []
    for file in ("generation_config.json", "config.json"):
        if (folder / file).exists():
            stated = read_json(folder / file).get("eos_token_id")
            found += stated if isinstance(stated, list) else [stated]
    return [i for i in found if isinstance(i, int)]


def _sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()

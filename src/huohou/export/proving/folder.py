"""The sides that transformers serves: a merged model's folder, an adapter on its base."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from huohou.errors import ModelError, first_line
from huohou.export.proving.scoring import score
from huohou.export.proving.sides import Rendered, Said, Seen, Side, Wanted
from huohou.models import ChatTokenizer
from huohou.models.files import read_json
from huohou.models.library import quiet
from huohou.probe.generate import answer


class ByFile(ChatTokenizer):
    """A tokenizer that stops where the served files say, and nowhere else."""

    def __init__(self, hf: Any, name: str, stops: frozenset[int]) -> None:
        super().__init__(hf, name)
        self.served = stops

    @property
    def end_of_turn(self) -> frozenset[int]:
        return self.served


def side(name: str, form: str, folder: Path, load: Callable[[], tuple[Any, list[str]]]) -> Side:
    """folder: with tokenizer, template and generation settings; load: the model, and the names of
    weights that its files lack."""

    def ask(wanted: Wanted) -> Seen:
        tokenizer = tokenizer_of(folder)
        prompts = [rendered(tokenizer, one.messages) for one in wanted.asked]
        stops = stops_of(folder)
        model, lacking = load()
        if lacking:
            return Seen(prompts, stops=stops, lacking=lacking)
        places = sum(map(len, wanted.forced))
        scores = np.empty((places, causal_width(model)), np.float32)
        # By the prompt of this side: a prompt that differs must show in what is answered.
        of = len(wanted.asked)
        ids = [one.ids for one in prompts]
        score(model, ids, wanted.forced, scores, lambda done: wanted.told(done, of))
        served = ByFile(tokenizer.hf, tokenizer.name, stops)
        chats = [wanted.asked[i].messages for i in wanted.answers]
        found = answer(model, served, chats, max_new_tokens=wanted.most)
        said = [Said(one.text, one.stopped) for one in found]
        return Seen(prompts, scores, said, stops)

    return Side(name, form, ask)


def tokenizer_of(folder: Path) -> ChatTokenizer:
    """The tokenizer that lies in a folder, with or without a model beside it. Raises ModelError."""
    from transformers import AutoTokenizer

    quiet()
    try:
        hf = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError("models.no_tokenizer", name=folder, problem=first_line(error)) from error
    return ChatTokenizer(hf, str(folder))


def stops_of(folder: Path) -> frozenset[int]:
    """Ids that end an answer where transformers serves this folder: ``generation_config.json``,
    or where there is none ``config.json``."""
    for file in ("generation_config.json", "config.json"):
        if (folder / file).is_file():
            stated = read_json(folder / file).get("eos_token_id")
            found = stated if isinstance(stated, list) else [stated]
            return frozenset(i for i in found if isinstance(i, int))
    return frozenset()


def causal_width(model: Any) -> int:
    """Tokens that the model scores."""
    return int(model.get_output_embeddings().weight.shape[0])


def rendered(tokenizer: ChatTokenizer, messages: Any) -> Rendered:
    ids = tokenizer.encode_chat(messages, add_generation_prompt=True)
    return Rendered(tokenizer.decode(ids), tuple(ids))

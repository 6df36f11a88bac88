"""Answers from documents. Nothing heavy is imported early."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from huohou.api.common import find_run, need_extra, workspace
from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.answer.passages import Meaning, PassageAnswer, Writer
    from huohou.answer.passages.search import Floats
    from huohou.models.encoder import Encoder

SENTENCES = 50_000  # whose vectors are kept in memory, 75 MB with 384 numbers each


def ask_passages(question: str, source: str | Path, *, model: str | None = None) -> "PassageAnswer":
    """What a file or a folder of documents says to a question: quoted with its place, or refused.

    model: a run of sft, which puts the answer into words that are then held against the passages; a
    run of embed or align, or the name of an encoder, which helps to find them. Words alone are gone
    by when it is not given. Raises DataError, UsageError, ModelError, MissingExtraError.
    """
    return passages_answerer(source, model=model)(question)


def passages_answerer(
    source: str | Path, *, model: str | None = None
) -> "Callable[[str], PassageAnswer]":
    """``ask_passages`` for many questions: documents and model are read once.

    Each answer is kept in ``answers.jsonl`` of the workspace where there is a workspace.
    """
    need_extra("serve", "bm25s")
    from huohou.answer.passages import Shelf, ask, read_passages
    from huohou.record.asked import keep

    meaning, writer = _helpers(model)
    shelf = Shelf(read_passages(source), meaning)

    def answer(question: str) -> "PassageAnswer":
        found = ask(shelf, question, writer)
        keep(workspace(), {"question": question, "source": str(source), **found.as_dict()})
        return found

    return answer


def _helpers(model: str | None) -> "tuple[Meaning | None, Writer | None]":
    """The encoder or the writer that a name means."""
    if model is None:
        return None, None
    need_extra("train", "torch", "transformers", "peft")
    folder = _run_folder(model)
    if folder is None:
        return meaning_of(model), None
    from huohou.probe.load import read_plan

    if read_plan(folder).recipe in ("embed", "align"):
        return meaning_of(str(folder / "model")), None
    from huohou.answer.passages.model_writer import TunedWriter
    from huohou.probe.load import load_run

    return None, TunedWriter(load_run(folder), folder.name)


def _run_folder(name: str) -> Path | None:
    """The folder of a run; None where the name is a model's."""
    from huohou.models.bundled import BUNDLED
    from huohou.record.workspace import PLAN

    folder = Path(name)
    if name in BUNDLED or folder.is_dir():
        return folder if name not in BUNDLED and (folder / PLAN).is_file() else None
    try:
        return find_run(name).folder
    except UsageError:
        if "/" in name:
            return None
        raise


def meaning_of(name: str) -> "Meaning":
    """Vectors of an encoder by its name or folder, kept between calls. Raises ModelError."""
    from huohou.models.device import choose_device
    from huohou.models.encoder import load_encoder

    return _Vectors(name, load_encoder(name, device=choose_device("auto").value))


class _Vectors:
    """Questions and passages of an encoder as vectors of unit length."""

    def __init__(self, name: str, encoder: "Encoder") -> None:
        from huohou.models.cache import cache_folder
        from huohou.probe.embeddings import both_sides

        self.name = name
        self._kept = both_sides(encoder, cache_folder() / "embeddings")[1]
        self._asked, self._short = both_sides(encoder)
        self._seen: dict[str, Floats] = {}

    def questions(self, texts: Sequence[str]) -> "Floats":
        """Made anew: a question is asked once."""
        return self._asked.of(texts, "query")

    def passages(self, texts: Sequence[str]) -> "Floats":
        """Kept between calls."""
        return self._kept.of(texts)

    def sentences(self, texts: Sequence[str]) -> "Floats":
        """Kept in memory: the passages found for two questions are often the same."""
        import numpy as np

        if len(self._seen) > SENTENCES:
            self._seen.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._seen]
        self._seen |= zip(new, self._short.of(new), strict=True)
        return np.stack([self._seen[text] for text in texts])

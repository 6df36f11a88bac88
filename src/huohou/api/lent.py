"""A model as an engine asks it, opened at a desk for each question."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from huohou.api.askable import Askable, OfLlama, OfRelease, OfTorch, Speaker, system_of

if TYPE_CHECKING:
    from huohou.answer.choose import Model
    from huohou.answer.passages import Writer
    from huohou.probe.answers import Heard


class Lent:
    """A model that the desk opens for each question anew, so that it can be closed in between."""

    def __init__(
        self, model: Askable, use: Callable[[Askable], AbstractContextManager[Speaker]]
    ) -> None:
        self.name, self._model, self._open = model.id, model, use
        self._system: str | None = None

    def opened(self) -> "Lent":
        """Itself, once it was opened. Raises ModelError, MissingExtraError."""
        self._system = system_of(self._model)
        with self._use():
            return self

    def probabilities(self, question: str, candidates: Sequence[str]) -> list[float]:
        with self._use() as model:
            return model.probabilities(question, candidates)

    def write(self, question: str, heard: "Heard | None" = None) -> tuple[str, float]:
        with self._use() as model:
            return model.write(question, heard)

    def spell(self, question: str, allowed: Callable[[str], Sequence[str]]) -> tuple[str, float]:
        with self._use() as model:
            return model.spell(question, allowed)

    @contextmanager
    def _use(self) -> Iterator["Model"]:
        with self._open(self._model) as speaker:
            if isinstance(speaker, OfLlama | OfRelease):
                yield speaker.llama
            else:
                assert isinstance(speaker, OfTorch)
                from huohou.answer.tuned import Tuned

                yield Tuned(speaker.models, self.name, self._system)


def writer_of(speaker: Speaker, model: Askable) -> "Writer":
    """A run's open model as one that words answers from documents."""
    from huohou.answer.passages.model_writer import TunedWriter

    open_now = speaker.torch() if isinstance(speaker, OfRelease) else speaker
    assert isinstance(open_now, OfTorch)
    return TunedWriter(open_now.models, model.id)

"""Where a page's questions are answered: models, tables and documents stay open between them.

Each model is asked by one at a time. What happens is told as it happens: ``tell(event, data)``
with ``opening`` (a model, or a table whose index is made), ``progress`` (a sentence), ``begin``,
``delta`` (words as they are written) and ``done``.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from huohou.api.askable import (
    Askable,
    Speaker,
    Which,
    askable,
    find_askable,
    open_encoder,
    open_speaker,
    system_of,
)
from huohou.api.caller import NOBODY, Caller, current
from huohou.api.common import need_extra, workspace
from huohou.api.lent import Lent, writer_of
from huohou.api.libraries import bring_torch
from huohou.api.opened import LeftError, Opened
from huohou.api.sources import changed, sources, table_of
from huohou.errors import UsageError

if TYPE_CHECKING:
    from huohou.answer.choose import Model
    from huohou.answer.engine import Engine
    from huohou.answer.passages.search import Shelf
    from huohou.answer.types import Mode
    from huohou.data.dataset import Message
    from huohou.models.encoder_model import Vectors
    from huohou.probe.answers import Heard, Sampling, Spoken

TABLES = 4  # tables and shelves of documents that are kept open


class Desk:
    """One for a workspace. limit: bytes that open models may take together."""

    def __init__(self, limit: int | None = None) -> None:
        self.models = Opened(limit)
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def listed(self) -> dict[str, Any]:
        """Models that can be asked, with what is open now, and the tables and documents there are:
        the document of ``GET /api/models``."""
        models = askable()
        told = [one.as_dict() | {"state": self.models.state(one.id)} for one in models]
        return {"schema": 1, "models": told, **sources([one.facts for one in models if one.facts])}

    def lists(self, *named: str | None) -> bool:
        """Whether all tables and documents that are named stand in ``listed``: what somebody may
        ask about who shall not see other files."""
        told = sources([one.facts for one in askable() if one.facts])
        return {one for one in named if one is not None} <= {*told["tables"], *told["documents"]}

    def found(self, ref: str) -> dict[str, Any]:
        """One model. Raises UsageError."""
        model = find_askable(ref)[0]
        return model.as_dict() | {"state": self.models.state(model.id)}

    def about(self, ref: str) -> dict[str, Any]:
        """One model, and the system prompt that it was trained with. Raises UsageError."""
        model = find_askable(ref)[0]
        system = system_of(model) if model.kind == "chat" else None
        return {"schema": 1, **self.found(model.id), "system": system}

    # talk

    def speak(
        self,
        ref: str,
        chat: "Sequence[Message]",
        sampling: "Sampling",
        heard: "Heard" = lambda _: True,
        caller: Caller = NOBODY,
    ) -> "Spoken":
        """A model's answer to a conversation. Raises UsageError, ModelError, LeftError."""
        model, which = find_askable(ref)
        with self._speaker(model, caller) as speaker:
            return speaker.speak(which, chat, sampling, heard)

    def rendered(self, ref: str, chat: "Sequence[Message]") -> tuple[str, int]:
        """The very prompt that a model is given for a conversation, and its tokens."""
        with self._speaker(find_askable(ref)[0], NOBODY) as speaker:
            return speaker.rendered(chat)

    def chat(
        self,
        ref: str,
        which: Literal["tuned", "base", "both"],
        chat: "Sequence[Message]",
        sampling: "Sampling",
        caller: Caller = NOBODY,
    ) -> list[dict[str, Any]]:
        """The answers of a run's tuned model, its base, or both with the same seed, one after the
        other; each is kept in ``answers.jsonl``. The same documents are told as ``done``."""
        model, named = find_askable(ref)
        order: tuple[Which, ...] = ("tuned", "base") if which == "both" else (which,)
        if model.job is None or named == "base":
            order = ("base",)
        pair = secrets.token_hex(4) if len(order) > 1 else None
        told = []
        with self._speaker(model, caller) as speaker:
            for one in order:
                caller.tell("begin", {"which": one})
                said = speaker.speak(one, chat, sampling, caller.heard(which=one))
                about = {**_line(model, one, chat, sampling, said), "pair": pair}
                told.append({"which": one, **_done(said, sampling), "id": _keep(about)})
                caller.tell("done", told[-1])
                if caller.gone():
                    break
        return told

    @contextmanager
    def _speaker(self, model: Askable, caller: Caller) -> Iterator[Speaker]:
        if model.kind != "chat":
            raise UsageError("chat.not_a_chat_model", name=model.id)
        if self.models.state(model.id) == "busy":
            caller.tell("waiting", {"name": model.id})
        token = current.set(caller)
        try:
            with self.models.use(model.id, lambda: _opened(model), caller.gone) as speaker:
                yield speaker
        finally:
            current.reset(token)

    # vectors

    def embed(
        self, ref: str, texts: Sequence[str], prompt: str | None = None
    ) -> tuple["Vectors", int]:
        """Vectors of texts by a run of embed or align, or a bundled encoder, and tokens read.

        prompt: "query" or "document", for models that tell them apart. Raises UsageError,
        ModelError.
        """
        from huohou.probe.search import finite

        model, which = find_askable(ref)
        if model.kind != "embedding" or which == "base":
            raise UsageError("chat.not_an_encoder", name=ref)
        with self.models.use(model.id, lambda: open_encoder(model)) as encoder:
            tokens = sum(map(len, encoder.tokenize(texts, prompt)))
            found: Vectors = encoder.encode_views(texts, prompt=prompt)
        finite(found.mu, prompt or "text", texts)
        return found, tokens

    # tables and documents

    def ask(
        self,
        question: str,
        mode: "Mode",
        *,
        model: str | None = None,
        table: str | None = None,
        key: str | None = None,
        value: str | None = None,
        caller: Caller = NOBODY,
    ) -> dict[str, Any]:
        """The answer of a table: the document of `ask --json`, with its ``id`` in the history.

        model: who chooses and writes, the bundled model where none is named; table: the one of the
        model's run when None; one that is named has to be open to the page (``places.roots``).
        """
        asked = find_askable(model)[0] if model is not None else None
        source = table_of(asked, table)
        engine = self._engine(source, asked, key, value, caller)
        heard = caller.heard() if mode == "closed" else None
        token = current.set(caller)
        try:
            answer = engine.ask(question, mode, heard)
        finally:
            current.reset(token)
        if caller.gone():
            raise LeftError("chat.left")  # what was written is a part of an answer
        named = {"key": engine.index.about.key, "value": engine.index.about.value}
        about: dict[str, Any] = {"question": question, "source": source, "columns": named}
        about |= {"job": asked.id if asked else None, "system": asked and system_of(asked)}
        told = {**about, **answer.as_dict()}
        return told | {"id": _keep(told)}

    def ask_documents(
        self, question: str, source: str, *, model: str | None = None, caller: Caller = NOBODY
    ) -> dict[str, Any]:
        """What documents say to a question: the document of `ask --passages --json`, kept.

        model: a chat model of a run puts it into words of its own, an encoder helps to search.
        """
        from huohou.answer.passages import ask
        from huohou.api.places import allowed

        asked = find_askable(model)[0] if model is not None else None
        place = str(allowed(source))
        token = current.set(caller)
        try:
            shelf = self._shelf(place, asked, caller)
            if asked is not None and asked.job is not None and asked.kind == "chat":
                with self._speaker(asked, caller) as speaker:
                    answer = ask(shelf, question, writer_of(speaker, asked))
            else:
                answer = ask(shelf, question)
        finally:
            current.reset(token)
        about = {"question": question, "source": place, "job": asked.id if asked else None}
        told = {**about, **answer.as_dict()}
        return told | {"id": _keep(told)}

    def _engine(
        self,
        source: str,
        asked: Askable | None,
        key: str | None,
        value: str | None,
        caller: Caller,
    ) -> "Engine":
        from huohou.api.answers import open_engine
        from huohou.data.tables import split_source

        def open_() -> "Engine":
            caller.tell("opening", {"what": "table", "name": source})
            told = lambda sentence: caller.tell("progress", {"text": sentence})  # noqa: E731
            lent = self._lent(asked)
            return open_engine(source, key=key, value=value, model=lent, progress=told)

        path = str(split_source(source)[0])
        place = ("table", source, changed(path), key, value, asked.id if asked else None)
        engine: Engine = self._open_once(place, open_)
        return engine

    def _lent(self, asked: Askable | None) -> "Model":
        """A model as an engine asks it: opened at the desk when it is first needed."""
        from huohou.answer.choose import Lazy
        from huohou.api.answers import CHOOSER

        model = asked if asked is not None else find_askable(CHOOSER)[0]
        if model.kind != "chat":
            raise UsageError("chat.not_a_chat_model", name=model.id)
        lent = Lent(model, lambda one: self._speaker(one, current.get()))
        return Lazy(model.id, lent.opened)

    def _shelf(self, source: str, asked: Askable | None, caller: Caller) -> "Shelf":
        need_extra("serve", "bm25s")
        from huohou.answer.passages import Shelf, read_passages
        from huohou.api.places import may_read

        encoder = asked if asked is not None and asked.kind == "embedding" else None

        def open_() -> "Shelf":
            from huohou.api.passages import meaning_of

            caller.tell("opening", {"what": "documents", "name": source})
            name = str(encoder.folder / "model") if encoder and encoder.folder else None
            name = name or (encoder.name if encoder else None)
            return Shelf(read_passages(source, may_read), meaning_of(name) if name else None)

        shelf: Shelf = self._open_once(
            ("documents", source, changed(source), encoder and encoder.id), open_
        )
        return shelf

    def _open_once(self, key: tuple[Any, ...], open_: Callable[[], Any]) -> Any:
        """What is kept under a key, opened by one at a time; the one used longest ago goes."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = open_()
            self._kept.move_to_end(key)
            while len(self._kept) > TABLES:
                self._kept.popitem(last=False)
            return self._kept[key]


def _opened(model: Askable) -> tuple[Speaker, int]:
    tell = current.get().tell
    tell("opening", {"what": "model", "name": model.id})
    bring_torch()
    return open_speaker(model, lambda sentence: tell("progress", {"text": sentence}))


def _done(said: "Spoken", sampling: "Sampling") -> dict[str, Any]:
    return {
        "text": said.text,
        "tokens": said.tokens,
        "prompt_tokens": said.prompt_tokens,
        "seconds": said.seconds,
        "stopped_by": said.ended,
        "seed": sampling.seed if sampling.temperature > 0 else None,
    }


def _line(
    model: Askable,
    which: Which,
    chat: "Sequence[Message]",
    drawn: "Sampling",
    said: "Spoken",
) -> dict[str, Any]:
    """A talk as the history keeps it."""
    how = {name: getattr(drawn, name) for name in ("max_tokens", "temperature", "top_p")}
    turns = [{"role": turn.role, "content": turn.content} for turn in chat]
    question = next((turn.content for turn in reversed(chat) if turn.role == "user"), "")
    done = _done(said, drawn)
    return {
        "kind": "chat",
        "question": question,
        "answer": done.pop("text"),
        "mode": "chat",
        "which": which,
        "job": model.id,
        "model": model.id if which == "tuned" else model.base,
        "messages": turns,
        "sampling": how | {"stop": list(drawn.stop)},
        **done,
    }


def _keep(told: Mapping[str, Any]) -> str | None:
    from huohou.record.asked import keep

    return keep(workspace(), told)

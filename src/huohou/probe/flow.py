"""Text that is shown while it is written, and stop texts that are never shown."""

from collections.abc import Sequence

from huohou.probe.answers import Ended, Heard


class Flow:
    """Pieces in, what may be shown out: nothing that could be the beginning of a stop text.

    text: all that was shown; stopped: whether a stop text came, after which nothing is taken in.

    >>> flow = Flow(["END"])
    >>> [flow.put("one E"), flow.put("N"), flow.put("ERGY EN"), flow.put("D two"), flow.close()]
    ['one ', '', 'ENERGY ', '', '']
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = [text for text in stop if text]
        self._held = ""
        self.text, self.stopped = "", False

    def put(self, piece: str) -> str:
        """What may be shown now."""
        if self.stopped:
            return ""
        self._held += piece
        places = [at for text in self._stop if (at := self._held.find(text)) >= 0]
        if places:
            self.stopped = True
            return self._show(min(places))
        return self._show(len(self._held) - self._doubtful())

    def close(self) -> str:
        """What was held back and is shown after all, because nothing more comes."""
        return "" if self.stopped else self._show(len(self._held))

    def _doubtful(self) -> int:
        """Characters at the end that a stop text begins with."""
        longest = max((len(text) for text in self._stop), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            end = self._held[-length:]
            if any(text.startswith(end) for text in self._stop):
                return length
        return 0

    def _show(self, length: int) -> str:
        shown, self._held = self._held[:length], self._held[length:]
        self.text += shown
        return shown


class Hearing:
    """Tells somebody what may be shown of an answer, and knows what ended it.

    ended: "length" until the model, a stop text or the listener ends it.
    """

    def __init__(self, stop: Sequence[str], heard: Heard) -> None:
        self._flow, self._heard = Flow(stop), heard
        self.ended: Ended = "length"

    @property
    def text(self) -> str:
        """All that was shown."""
        return self._flow.text

    def put(self, piece: str) -> None:
        """The next piece of the answer."""
        self._tell(self._flow.put(piece))

    def close(self) -> None:
        """Nothing more comes: tell what was held back."""
        self._tell(self._flow.close())

    def _tell(self, shown: str) -> None:
        going_on = self._heard(shown) if shown else True
        if self._flow.stopped:
            self.ended = "stop"
        elif not going_on and self.ended == "length":
            self.ended = "left"

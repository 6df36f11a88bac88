"""Steps from the progress bars beside a log line: `` 22%|██▏  | 20/90 [00:01<00:05, 13it/s]``.

A bar is drawn again right after a line was printed over it, with the step of that moment; the one
drawn before may be older. Where the lines are buffered and the bars are not, they stand apart:
then steps and epochs do not fit together, and no step is taken at all.
"""

import re

_BAR = re.compile(r"(?:^|[\r\n])[ ]{0,8}\d{1,3}%\|[^|\r\n]{0,300}\| {0,12}(\d{1,15})/(\d{1,15}) \[")
_REACH = 800  # characters to either side that are looked at
_ROUNDED = 0.006  # of an epoch: two decimals


class Bars:
    """Steps of the lines of a text, asked for in their order.

    planned: what the bars of the training count to.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._totals: set[str] = set()
        self._end = 0
        self._best: tuple[int, float] | None = None
        self.planned: int | None = None

    def step(self, begin: int, end: int, epoch: float | None, *, training: bool) -> int | None:
        """The step of the line from begin to end, None where no bar tells it for sure.

        training: whether the line tells of the training; bars of an evaluation count otherwise.
        """
        before = self._text[max(begin - _REACH, self._end) : begin]
        self._end = end
        after = self._text[end : end + _REACH]
        if (other := after.find("{'")) >= 0:
            after = after[:other]
        behind = [match.groups() for match in _BAR.finditer(after)]
        if training and behind:
            self._totals.add(behind[0][1])
        ahead = [match.groups() for match in _BAR.finditer(before)]
        near = next((b for b in behind + ahead[::-1] if b[1] in self._totals), None)
        if near is None:
            return None
        step = int(near[0])
        if not self._fits(step, epoch):
            return None
        self.planned = int(near[1])
        return step

    def _fits(self, step: int, epoch: float | None) -> bool:
        """Whether step and epoch grow in proportion, as far as the rounded epoch tells."""
        if epoch is None or epoch <= 0 or step <= 0:
            return True
        if self._best is None or epoch < self._best[1] or step < self._best[0]:
            self._best = (step, epoch)
            return True
        known, reached = self._best
        slack = 1.5 + step * (_ROUNDED / epoch + _ROUNDED / reached + 0.002)
        if abs(step - known * epoch / reached) > slack:
            return False
        self._best = (step, epoch)
        return True

"""Curves as SVG, drawn without a script: what a page or a report shows of a series."""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from huohou.record.columns import Floats

WIDTH, HEIGHT = 860, 230
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 26, 30
_BINS = 400  # more points than twice this are drawn as the least and the greatest of each bin
_LOG = 30.0  # a curve that spans more than this factor is drawn on a logarithmic axis


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart. x: places (steps or epochs); y: values, NaN allowed; seg: process life
    of each point, a line is broken where it changes."""

    name: str
    x: Floats
    y: Floats
    seg: Floats


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the x axis that a finding is about; begin = end is a line. title: in full."""

    begin: float
    end: float
    severity: str
    code: str
    title: str


def chart(
    curves: Sequence[Curve], bands: Sequence[Band], x_name: str, reach: tuple[float, float]
) -> str:
    """One panel as an SVG element; an empty string where nothing can be drawn.

    reach: the least and the greatest x, the same in all panels of a page.
    """
    drawn = [c for c in curves if np.isfinite(c.y).any()]
    if not drawn:
        return ""
    axes = _Axes.around(drawn, reach)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_names(drawn)}">',
        *_bands(axes, bands),
        *_grid(axes, x_name),
        *(line for i, curve in enumerate(drawn) for line in _curve(axes, curve, i)),
        *_legend(drawn),
        "</svg>",
    ]
    return "\n".join(parts)


@dataclass(frozen=True, slots=True)
class _Axes:
    """Values to places on the picture."""

    x0: float
    x1: float
    y0: float
    y1: float
    is_log: bool

    @classmethod
    def around(cls, curves: Sequence[Curve], reach: tuple[float, float]) -> "_Axes":
        y = np.concatenate([c.y[np.isfinite(c.y)] for c in curves])
        low, high = float(y.min()), float(y.max())
        positive = y[y > 0]
        is_log = len(positive) == len(y) and high > _LOG * low
        if is_log:
            low, high = math.log10(low), math.log10(high)
        room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
        x0, x1 = reach
        return cls(x0, x1 if x1 > x0 else x0 + 1, low - room, high + room, is_log)

    def across(self, x: float) -> float:
        part = (min(max(x, self.x0), self.x1) - self.x0) / (self.x1 - self.x0)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def up(self, y: float) -> float:
        part = (self.height(y) - self.y0) / (self.y1 - self.y0)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    def height(self, y: float) -> float:
        return math.log10(y) if self.is_log else y


def _curve(axes: _Axes, curve: Curve, index: int) -> Iterator[str]:
    for seg in dict.fromkeys(curve.seg.tolist()):
        mine = curve.seg == seg
        x, y = thinned(curve.x[mine], curve.y[mine])
        for points in _runs(axes, x, y):
            if len(points) == 1:
                across, up = points[0]
                yield f'<circle class="c{index}" cx="{across:.1f}" cy="{up:.1f}" r="2.5"/>'
            else:
                path = " ".join(f"{across:.1f},{up:.1f}" for across, up in points)
                yield f'<polyline class="c{index}" points="{path}"/>'
    lost = curve.x[~np.isfinite(curve.y)]
    for x in lost[:: max(1, len(lost) // 50)].tolist():
        yield f'<text class="lost" x="{axes.across(x):.1f}" y="{TOP + 8}">&#215;</text>'


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most two points a bin: the least and the greatest, so that a spike is never lost."""
    if len(y) <= 2 * _BINS:
        return x, y
    kept: list[int] = []
    for part in np.array_split(np.arange(len(y)), _BINS):
        good = part[np.isfinite(y[part])]
        if len(good):
            kept += sorted({int(good[y[good].argmin()]), int(good[y[good].argmax()])})
    return x[kept], y[kept]


def _runs(axes: _Axes, x: Floats, y: Floats) -> Iterator[list[tuple[float, float]]]:
    """Unbroken stretches of finite values, as places on the picture."""
    stretch: list[tuple[float, float]] = []
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if math.isfinite(b) and (b > 0 or not axes.is_log):
            stretch.append((axes.across(a), axes.up(b)))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _bands(axes: _Axes, bands: Sequence[Band]) -> Iterator[str]:
    for i, band in enumerate(bands):
        begin, end = axes.across(band.begin), axes.across(band.end)
        width = max(end - begin, 2.0)
        yield (
            f'<rect class="{band.severity}" x="{begin:.1f}" y="{TOP}" width="{width:.1f}"'
            f' height="{HEIGHT - TOP - BOTTOM}"><title>{html.escape(band.title)}</title></rect>'
        )
        is_left = begin < WIDTH / 2
        at, anchor = (begin + 5, "start") if is_left else (end - 5, "end")
        yield (
            f'<text class="code" x="{at:.1f}" y="{TOP + 14 * (i + 1)}" text-anchor="{anchor}">'
            f"{html.escape(band.code)}</text>"
        )


def _grid(axes: _Axes, x_name: str) -> Iterator[str]:
    for value in _ticks(axes):
        up = axes.up(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up:.1f}" y2="{up:.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{up + 4:.1f}" text-anchor="end">{value:.4g}</text>'
    named = WIDTH - RIGHT - 14 * len(x_name)  # where the name of the axis stands
    for x in _round(axes.x0, axes.x1, 7):
        across = axes.across(x)
        if across > named:
            continue
        yield f'<text x="{across:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{_place(x)}</text>'
    yield (
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end">'
        f"{html.escape(x_name)}</text>"
    )


def _place(x: float) -> str:
    """A step or an epoch as people write it.

    >>> _place(15000.0), _place(2.5)
    ('15,000', '2.5')
    """
    return f"{x:,.0f}" if x >= 1000 else f"{x:.4g}"


def _ticks(axes: _Axes) -> list[float]:
    """About four round values."""
    if axes.is_log:
        powers = range(math.ceil(axes.y0), math.floor(axes.y1) + 1)
        found = [10.0**p for p in powers]
        return found if len(found) > 1 else [10**y for y in np.linspace(axes.y0, axes.y1, 4)[1:-1]]
    return _round(axes.y0, axes.y1, 5)


def _round(low: float, high: float, most: int) -> list[float]:
    """Round values between two ends, at most so many."""
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    step *= next(f for f in (1, 2, 5, 10, 20) if (high - low) / (step * f) <= most)
    first = math.ceil(low / step)
    return [round(i * step, 12) for i in range(first, math.floor(high / step) + 1)]


def _legend(curves: Sequence[Curve]) -> Iterator[str]:
    at = LEFT + 8
    for i, curve in enumerate(curves):
        yield f'<line class="c{i}" x1="{at}" x2="{at + 18}" y1="12" y2="12"/>'
        yield f'<text x="{at + 23}" y="16">{html.escape(curve.name)}</text>'
        at += 40 + 7 * len(curve.name)


def _names(curves: Sequence[Curve]) -> str:
    return html.escape(", ".join(curve.name for curve in curves))

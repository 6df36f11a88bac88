"""The look in numbers: both themes are whole, and what is read has contrast enough (WCAG 2.2 AA)."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from serving import Server, serving

from huohou.web import app

CSS = (app.STATIC / "app.css").read_text(encoding="utf-8")


BOTH = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS
    )
}
LIGHT = {name: light for name, (light, _) in BOTH.items()}
DARK = {name: dark for name, (_, dark) in BOTH.items()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of this file."""
    with serving(tmp_path_factory.mktemp("look")) as running:
        yield running


def test_each_colour_is_there_for_both_themes() -> None:
    plain = re.findall(r"--([\w-]+): #", CSS)
    assert plain == []
    assert all(light != dark for light, dark in BOTH.values())


@pytest.mark.parametrize("chosen", ["auto", "light", "dark"])
@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_is_the_one_chosen_or_the_systems(page: Any, chosen: str, system: str) -> None:
    """On the page, and for the charts, which cannot read a sheet's colours by themselves."""
    page.emulate_media(color_scheme=system)
    page.goto(f"/?theme={chosen}")
    expected = (DARK if (system if chosen == "auto" else chosen) == "dark" else LIGHT)["ground"]
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == "rgb({}, {}, {})".format(*bytes.fromhex(expected[1:]))
    drawn = page.evaluate(
        "import('/static/js/chart.js').then((chart) => chart.theme.get('--ground'))"
    )
    assert drawn == expected


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


GROUNDS = ("ground", "surface", "sunken")
READ = [
    *product(("ink", "ink-2", "accent"), GROUNDS),
    ("accent-ink", "accent"),
    *((name, f"{name}-soft") for name in ("accent", "good", "warn", "bad", "info")),
    *(("ink", f"{name}-soft") for name in ("accent", "good", "warn", "bad", "info")),
    *product(("good", "warn", "bad", "info"), ("surface",)),
    ("ground", "ink"),
    ("ground", "bad"),
]
SEEN = [*product((f"curve-{n}" for n in range(1, 9)), ("surface",)), ("line-2", "surface")]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(theme: str) -> None:
    values = LIGHT if theme == "light" else DARK
    for pairs, least in ((READ, 4.5), (SEEN, 3.0)):
        for front, back in pairs:
            assert contrast(values[front], values[back]) >= least, (theme, front, back)


def test_variables_that_are_used_are_there() -> None:
    sheets = "".join(path.read_text("utf-8") for path in app.STATIC.glob("*.css"))
    scripts = "".join(path.read_text("utf-8") for path in (app.STATIC / "js").glob("*.js"))
    used = set(re.findall(r"var\(--([\w-]+)", sheets + scripts))
    given = set(re.findall(r"--([\w-]+):", sheets))
    given |= set(re.findall(r"""setProperty\(["']--([\w-]+)""", scripts))
    assert used <= given


def test_motion_stops_for_those_who_want_none() -> None:
    assert "prefers-reduced-motion: reduce" in CSS


def test_sheets_ask_for_nothing_outside() -> None:
    for sheet in Path(app.STATIC).glob("*.css"):
        assert not re.search(r"url\(|@import|https?://", sheet.read_text("utf-8")), sheet.name

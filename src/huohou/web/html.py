"""Templates to pages: the words, the first data and the choices of language and theme in them."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request

from huohou import text
from huohou.text import say
from huohou.web.access import role_of
from huohou.web.document import dumps
from huohou.web.language import cookie

PAGES = {
    "jobs": "/",
    "new": "/new",
    "compare": "/compare",
    "doctor": "/doctor",
    "answers": "/answers",
}
NAMES = (*PAGES, "job", "error")
THEMES = ("light", "dark")
THEME_COOKIE = "huohou_theme"
SCRIPTS = Path(__file__).parent / "static" / "js"
_WORDS = "web.js."
_PLANS = ("new", "job")  # pages that show a plan
_IMPORT = re.compile(r"""^(?:import|export)\b[^;"']*["']\./([\w.-]+)["']""", re.MULTILINE)
# Pages whose scripts another page uses too.
SHARES = {"compare": ("job",), "doctor": ("job",), "answers": ("new",)}

_templates = Environment(
    loader=PackageLoader("huohou.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["t"] = say


def render(
    request: Request, page: str, *, first: Mapping[str, Any] | None = None, **context: object
) -> str:
    """The HTML of ``templates/PAGE.html``.

    first: the data that the page begins with, read by scripts with ``first()`` of words.js.
    """
    language = text.language()
    other = next(one for one in text.LANGUAGES if one != language)
    return _templates.get_template(f"{page}.html").render(
        page=page,
        pages=PAGES,
        lang="zh-CN" if language == "zh" else language,
        theme=theme(request),
        role=role_of(request.scope),
        other_lang=other,
        other_href=_with(request, lang=other),
        words=island(words(page)),
        modules=modules(page),
        first=island(first or {}),
        **context,
    )


def prepare() -> None:
    """Have all templates ready before the first page is asked for."""
    for name in _templates.list_templates(extensions=["html"]):
        _templates.get_template(name)


def words(page: str) -> dict[str, str]:
    """The sentences that a page's scripts say: ``web.js.*`` less those of other pages, states,
    and of plans what the command line says in the same words."""
    others = {f"{_WORDS}{name}." for name in NAMES if name not in (page, *SHARES.get(page, ()))}
    return {
        key: sentence
        for key, sentence in text.sentences(text.language()).items()
        if (key.startswith(_WORDS) and not any(key.startswith(other) for other in others))
        or key.startswith("state.")
        or (page in _PLANS and key.startswith("plan.workers"))
    }


@cache
def modules(page: str) -> list[str]:
    """Names of the scripts that those of a page import, so that all are asked for at once."""
    begin = ["shell.js", f"{page}.js"]
    found = list(begin)
    for name in found:
        script = SCRIPTS / name
        text = script.read_text(encoding="utf-8") if script.is_file() else ""
        found += [one for one in _IMPORT.findall(text) if one not in found]
    return found[len(begin) :]


def island(value: object) -> Markup:
    """Data as JSON that may stand in a script element, whatever is in it.

    >>> island("</script>")
    Markup('"\\\\u003c/script\\\\u003e"')
    """
    raw = dumps(value).decode()
    for sign in "<>&\u2028\u2029":
        raw = raw.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(raw)  # no sign of HTML is left in it


def theme(request: Request) -> str:
    """The theme that was chosen, or "auto": as the system has it."""
    chosen = request.query_params.get("theme") or cookie(request.headers, THEME_COOKIE)
    return chosen if chosen in THEMES else "auto"


def _with(request: Request, **changed: str) -> str:
    query = dict(request.query_params.multi_items()) | changed
    query.pop("token", None)  # one that was refused, else it would not stand there
    return "?" + urlencode(query)

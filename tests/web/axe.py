"""What axe says of a page as it stands now, for whoever hears it or uses the keyboard alone."""

from typing import Any


def violations(page: Any) -> set[tuple[str, str]]:
    """Rules that are broken gravely, each with the element that breaks it."""
    from axe_playwright_python.sync_playwright import Axe

    return {
        (one["id"], node["html"][:200])
        for one in Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    }

"""Answers that come late, or in another order."""

import re
from collections.abc import Callable
from typing import Any

from waiting import wait_until


class Held:
    """Requests of a tab that wait until they are let go, all of a pattern or its first few."""

    def __init__(self, page: Any, pattern: str, most: int = 1000) -> None:
        self.page, self.most = page, most
        self.routes: list[Any] = []
        page.route(re.compile(pattern), self._take)

    def _take(self, route: Any) -> None:
        if len(self.routes) < self.most:
            self.routes.append(route)
        else:
            route.continue_()

    def comes(self, count: int = 1) -> None:
        """Until so many wait."""
        wait_until(lambda: self.page.wait_for_timeout(20) or len(self.routes) >= count)

    def release(self, then: Callable[[Any], object] | None = None) -> None:
        """Let them go, and wait until the page has had their answers. then: instead of the server."""
        self.most = 0
        for route in self.routes:
            with self.page.expect_response(route.request.url):
                route.continue_() if then is None else then(route)
        self.page.evaluate("new Promise((done) => setTimeout(done, 300))")

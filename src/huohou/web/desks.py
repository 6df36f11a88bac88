"""The desk of the application: made when it is first asked, closed with the process."""

from fastapi import Request

from huohou import api


def desk(request: Request) -> api.Desk:
    """Where this server's questions are answered."""
    state = request.app.state
    if not hasattr(state, "desk"):
        state.desk = api.Desk()
    found: api.Desk = state.desk
    return found

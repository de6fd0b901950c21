"""Error pages: what happened, and what to do next, in the visitor's language."""

import asyncio
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from aggregator.access.visitor import SignInNeeded, session_of
from aggregator.model.user import User
from aggregator.store.timeseries import StoreError
from aggregator.web.formats import N_
from aggregator.web.pages import page

# Status -> what happened, what to do next.
_WORDS: dict[int, tuple[str, str]] = {
    401: (N_("Please sign in"), N_("Your session is over, or you have not signed in yet.")),
    403: (
        N_("That is not allowed"),
        N_("It is not for your account, or its form was open for too long. Go back and load it again."),
    ),
    404: (
        N_("There is no such page"),
        N_("The address may be mistyped, or what it named is not yours to see."),
    ),
    405: (N_("That cannot be done here"), N_("Go back to the overview and try from there.")),
    413: (N_("That is too much at once"), N_("Send a smaller file, of at most 1 MB.")),
    422: (N_("The address or form is not right"), N_("Go back, check what you entered and try again.")),
    503: (
        N_("The data store does not answer"),
        N_("Machines keep recording and nothing is lost. Please try again in a minute."),
    ),
}
NOT_RECKONED = (
    N_("Spare hours are being calculated"),
    N_("That takes some seconds after a start. Please load the page again."),
)
_OTHER = (
    N_("Something went wrong"),
    N_("This is our fault, and it has been logged. Please try again in a minute."),
)


async def error_page(request: Request, status_code: int, words: tuple[str, str] | None = None) -> Response:
    """Return the page for a status, in its words or these; it works without the store too."""
    title, advice = words or _WORDS.get(status_code, _OTHER)
    user = await _user(request)
    return page(request, "error.html", user, status_code, error_title=title, error_advice=advice)


def to_sign_in(_request: Request, error: Exception) -> Response:
    """Send a visitor to the sign-in page, and back afterwards."""
    back = error.back if isinstance(error, SignInNeeded) else "/"
    return RedirectResponse(f"/login?{urlencode({'back': back})}" if back != "/" else "/login", 303)


async def _user(request: Request) -> User | None:
    try:
        return await asyncio.to_thread(session_of, request)
    except StoreError:
        return None

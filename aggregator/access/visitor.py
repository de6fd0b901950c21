"""Who asks: a request in, the signed-in user out. People carry a session cookie, programs a bearer token."""

from fastapi import HTTPException, Request
from starlette.datastructures import URL

from aggregator.access.session import session_user, token_user
from aggregator.model.user import Role, User
from aggregator.services import Services
from aggregator.store.people import People

SESSION_COOKIE = "machikoba_session"
VISIT_COOKIE = "machikoba_visit"
"""A random secret of someone not signed in yet, so that the sign-in form is bound to its browser."""

HOMES = {Role.COORDINATOR: "/", Role.FACTORY: "/factory", Role.BUYER: "/my"}
"""Where each role begins."""


class SignInNeeded(Exception):
    """No error of ours: the visitor is sent to the sign-in page; `back` is where to go afterwards."""

    def __init__(self, back: str) -> None:
        super().__init__(back)
        self.back = back


def services(request: Request) -> Services:
    """Return what pages and API work with."""
    found: Services = request.app.state.services
    return found


def people(request: Request) -> People:
    """Return the store of people."""
    return People(services(request).records.engine)


def session_of(request: Request) -> User | None:
    """Return who is signed in by cookie; blocks on the store."""
    secret = request.cookies.get(SESSION_COOKIE)
    return session_user(people(request), secret, services(request).now()) if secret else None


def bearer_of(request: Request) -> User | None:
    """Return for whom the request's bearer token speaks; blocks on the store."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    return token_user(people(request), token.strip(), services(request).now())


def signed_in(request: Request) -> User:
    """Return who of the federation is signed in, for pages; raises SignInNeeded, 403 for buyers."""
    user = anyone_signed_in(request)
    if user.role is Role.BUYER:
        raise HTTPException(403)
    return user


def anyone_signed_in(request: Request) -> User:
    """Return who is signed in, a buyer too; raises SignInNeeded."""
    user = session_of(request)
    if user is None:
        raise SignInNeeded(path_of(request.url))
    return user


def buyer_signed_in(request: Request) -> User:
    """Return the buyer who is signed in, for their own pages; raises SignInNeeded, 403 for all others."""
    user = anyone_signed_in(request)
    if user.role is not Role.BUYER or not user.buyer:
        raise HTTPException(403)
    return user


def path_of(url: URL) -> str:
    """Return path and query."""
    return f"{url.path}?{url.query}" if url.query else url.path


def home_of(user: User) -> str:
    """Return the page that answers a role's first question."""
    return HOMES[user.role]


def local_path(text: str | None) -> str:
    """Return where to go next if it lies on this site, else the overview: no open redirects."""
    plain = text is not None and text.isprintable() and "\\" not in text
    if text and plain and text.startswith("/") and not text.startswith("//"):
        return text
    return "/"

"""`/login` and `/logout`: a name and a password in, a session out."""

import asyncio
import logging
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from aggregator.access.passwords import is_password
from aggregator.access.secret import form_token, is_form_token, new_secret
from aggregator.access.session import close_session, open_session
from aggregator.access.throttle import Throttle
from aggregator.access.visitor import (
    SESSION_COOKIE,
    VISIT_COOKIE,
    home_of,
    local_path,
    people,
    services,
    session_of,
)
from aggregator.model.user import User
from aggregator.store.people import People
from aggregator.web.formats import N_
from aggregator.web.pages import page

log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

WRONG = N_("Name or password is not right. Please check and try again.")
TOO_MANY = N_("Too many attempts. Please wait a minute and try again.")
STALE_FORM = N_("This page was open for too long. Please sign in again.")
COOKIE_S = 30 * 86_400  # the session itself ends 12 hours after its last use, on our side
FAILURES, PERIOD_MS = 5, 60_000
AT_ONCE = 2  # hashing a password takes memory and a core on purpose; more than this many wait in line


class Doorkeeper:
    """Lets people in, slowly when they guess."""

    def __init__(self) -> None:
        self._names = Throttle(FAILURES, PERIOD_MS)
        self._addresses = Throttle(FAILURES * 4, PERIOD_MS)
        self._hashing = asyncio.Semaphore(AT_ONCE)

    async def admit(self, people: People, name: str, password: str, address: str, now_ms: int) -> User | str:
        """Return who it is, or the message that says why not."""
        if self._must_wait(name, address, now_ms):
            return TOO_MANY
        async with self._hashing:
            if self._must_wait(name, address, now_ms):  # others failed while this one stood in line
                return TOO_MANY
            user = await asyncio.to_thread(_check, people, name, password)
            if user is None:
                self._names.failed(name, now_ms)
                self._addresses.failed(address, now_ms)
                log.info("sign-in refused: name %r from %s", name, address)
                return WRONG
        self._names.succeeded(name)
        return user

    def _must_wait(self, name: str, address: str, now_ms: int) -> bool:
        return bool(self._names.wait_ms(name, now_ms) or self._addresses.wait_ms(address, now_ms))


def _check(people: People, name: str, password: str) -> User | None:
    found = people.credentials(name) if "\0" not in name else None  # PostgreSQL has no such text
    fits = is_password(password, found[1] if found else None)
    return found[0] if found and fits else None


@router.get("/login")
def login(request: Request, back: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """Show the form, or go on for who is signed in already."""
    user = session_of(request)
    if user:
        return RedirectResponse(_next(back, user), 303)
    return _form(request, local_path(back))


@router.post("/login")
async def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    back: Annotated[str, Form(max_length=2000)] = "/",
    form_token: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Begin a session, under a new secret."""
    found = services(request)
    if not is_form_token(form_token, request.cookies.get(VISIT_COOKIE)):
        known = await asyncio.to_thread(session_of, request)
        if known:  # they signed in in another tab meanwhile
            return RedirectResponse(_next(back, known), 303)
        return _form(request, local_path(back), name, STALE_FORM, 403)
    address = request.client.host if request.client else ""
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    answer = await doorkeeper.admit(people(request), name.strip(), password, address, found.now())
    if isinstance(answer, str):
        return _form(request, local_path(back), name, answer, 429 if answer is TOO_MANY else 401)
    secret = await asyncio.to_thread(open_session, people(request), answer, found.now())
    response = RedirectResponse(_next(back, answer), 303)
    _set_cookie(request, response, SESSION_COOKIE, secret, COOKIE_S)
    response.delete_cookie(VISIT_COOKIE)
    return response


@router.post("/logout")
def sign_out(request: Request, form_token: Annotated[str, Form(max_length=200)] = "") -> Response:
    """End the session."""
    secret = request.cookies.get(SESSION_COOKIE)
    if secret and not is_form_token(form_token, secret):
        raise HTTPException(403)
    if secret:
        close_session(people(request), secret)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


def _next(back: str, user: User) -> str:
    """Return where to go on: the page that was asked for, else the first one of the role."""
    path = local_path(back)
    return home_of(user) if path == "/" else path


def _form(request: Request, back: str, name: str = "", error: str = "", status_code: int = 200) -> Response:
    secret = request.cookies.get(VISIT_COOKIE) or new_secret()
    response = page(
        request,
        "login.html",
        None,
        status_code,
        back=back,
        name=name,
        error=error,
        login_token=form_token(secret),
    )
    _set_cookie(request, response, VISIT_COOKIE, secret, None)
    return response


def _set_cookie(request: Request, response: Response, name: str, secret: str, max_age_s: int | None) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send with their forms."""
    https = request.url.scheme == "https" or services(request).config.web.public_url.startswith("https:")
    response.set_cookie(name, secret, max_age=max_age_s, httponly=True, samesite="lax", secure=https)

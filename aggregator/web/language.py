"""`/language/{code}`: the switch of languages, which stays on the page."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse

from aggregator.access.visitor import local_path
from aggregator.web.languages import COOKIE, LANGUAGES

router = APIRouter(include_in_schema=False)

YEAR_S = 365 * 86_400


@router.get("/language/{code}")
def switch_language(
    request: Request, code: str, back: Annotated[str, Query(max_length=2000)] = "/"
) -> RedirectResponse:
    """Remember the language and go back to the page."""
    if code not in LANGUAGES:
        raise HTTPException(404)
    response = RedirectResponse(local_path(back), 303)
    https = request.url.scheme == "https"
    response.set_cookie(COOKIE, code, max_age=YEAR_S, httponly=True, samesite="lax", secure=https)
    return response

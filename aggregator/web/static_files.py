"""Stylesheet, scripts and pictures: a name in, an address that changes with the content out."""

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@cache
def static_url(name: str) -> str:
    """Return the address of a file in `static/`; browsers keep it for ever, so the content is part of it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@router.get("/static/{name:path}")
async def static_file(request: Request, name: str) -> Response:
    """Serve a file of `static/`."""
    response = await _files().get_response(name, request.scope)
    if response.status_code == 200 and request.query_params.get("v"):
        response.headers["Cache-Control"] = FOR_EVER
    return response


@router.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    """Serve the mark for browsers that ask at the old place."""
    return await _files().get_response("mark.svg", request.scope)


@cache
def _files() -> StaticFiles:
    return StaticFiles(directory=STATIC)

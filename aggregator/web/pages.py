"""What every page shares, its language and frame: a template and values in, a response out."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aggregator.access.secret import form_token
from aggregator.access.visitor import SESSION_COOKIE, VISIT_COOKIE, home_of, path_of, services
from aggregator.config import ProcessName
from aggregator.model.user import User
from aggregator.web.band_view import BAND_HOURS, BAND_WORDS, EDGES
from aggregator.web.formats import Formats
from aggregator.web.languages import LANGUAGES, choose_language, translations
from aggregator.web.static_files import static_url
from aggregator.web.words import NO_CONNECTION, STATE_WORDS

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment(language: str) -> Environment:
    """Return the templates in one language; everything that is put into them is escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        language=language,
        languages=LANGUAGES,
        static_url=static_url,
        state_words=STATE_WORDS,
        no_connection=NO_CONNECTION,
        band_words=BAND_WORDS,
        band_hours_words=BAND_HOURS,
        band_edges=EDGES,
    )
    return made


def language_of(request: Request) -> str:
    """Return the code of the language to answer in."""
    return choose_language(request.cookies, request.headers.get("accept-language", ""))


def formats_of(request: Request) -> Formats:
    """Return how numbers and times read for this request."""
    return Formats(language_of(request), services(request).config.zone)


def process_name(processes: Mapping[str, ProcessName], language: str, process: str | None) -> str | None:
    """Return what people call a process: its id when the configuration lacks it, None when unknown."""
    known = processes.get(process) if process else None
    return getattr(known, language) if known else process


def page(
    request: Request, template: str, user: User | None, status_code: int = 200, **values: Any
) -> HTMLResponse:
    """Return the page in the language of the request; `user` is who is signed in."""
    html = environment(language_of(request)).get_template(template).render(frame(request, user) | values)
    return HTMLResponse(html, status_code, {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"})


def frame(request: Request, user: User | None) -> dict[str, Any]:
    """Return what the frame around every page needs."""
    config = services(request).config
    secret = request.cookies.get(SESSION_COOKIE if user else VISIT_COOKIE)
    name: Callable[[str | None], str | None] = partial(process_name, config.processes, language_of(request))
    return {
        "fmt": formats_of(request),
        "now_ms": services(request).now(),
        "federation_name": config.federation_name,
        "process_name": name,
        "user": user,
        "home": home_of(user) if user else "/",
        "path": request.url.path,
        "store_trouble": services(request).status.store_error,
        "here": path_of(request.url),
        "form_token": form_token(secret) if secret else "",
    }

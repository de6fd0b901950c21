"""What the aggregator shows: an application with the API, the pages, and their errors."""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from aggregator import api, web
from aggregator.access.visitor import SignInNeeded
from aggregator.api.capacity import Answers
from aggregator.api.moments import RangeError
from aggregator.api.planning_problems import planning_problem
from aggregator.api.problem import WrongParameter, problem, wrong_parameters
from aggregator.api.work_problems import work_problem
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.planning.errors import NotReckoned, PlanningError
from aggregator.store.orders import DecisionError
from aggregator.store.timeseries import StoreError
from aggregator.web.buyer_links import LinkDoor
from aggregator.web.buyer_sections import BuyerSections
from aggregator.web.buyer_stream import Names
from aggregator.web.error_pages import NOT_RECKONED, error_page, to_sign_in
from aggregator.web.head import HeadAsGet, with_head
from aggregator.web.headers import SafetyHeaders, make_safe, without_secret
from aggregator.web.limits import BodyLimit
from aggregator.web.sign_in import Doorkeeper
from aggregator.web.tile import Tiles
from aggregator.work.errors import WorkError

log = logging.getLogger(__name__)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

DESCRIPTION = """\
What the machines of a federation of small factories do now and did before, as measured.

Times are RFC 3339 with an offset, lengths are milliseconds by name. `null` is unknown, never 0.
A token of a factory sees its own machines only; everything else does not exist for it.
"""
_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics")


def create_faces(config: Config, lifespan: Lifespan) -> FastAPI:
    """Return the application; `lifespan` has to set `app.state.services` before the first request."""
    app = FastAPI(
        title="Machikoba",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # the documentation pages of FastAPI load scripts from elsewhere
        redoc_url=None,
    )
    app.state.tiles = Tiles(config)
    app.state.capacity = Answers(config.zone)
    app.state.doorkeeper = Doorkeeper()
    app.state.link_door = LinkDoor()
    app.state.buyer_sections = BuyerSections(config)
    app.state.buyer_names = Names()
    for router in (*api.ROUTERS, *web.ROUTERS):
        app.include_router(router)
    app.add_middleware(BodyLimit)
    app.add_middleware(SafetyHeaders)
    app.add_middleware(HeadAsGet)
    app.add_exception_handler(SignInNeeded, to_sign_in)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RangeError, _no_range)
    app.add_exception_handler(StoreError, _no_store)
    app.add_exception_handler(PlanningError, _not_planned)
    app.add_exception_handler(DecisionError, _not_planned)
    app.add_exception_handler(WorkError, _no_work)
    app.add_exception_handler(Exception, _broken)
    return app


def _for_program(request: Request) -> bool:
    return request.url.path.startswith(_PROGRAMS)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = with_head(error.headers)
    if not _for_program(request):
        answer = await error_page(request, error.status_code)
        answer.headers.update(headers)
        return answer
    said = error.detail != HTTPStatus(error.status_code).phrase
    return problem(request, error.status_code, error.detail if said else None, headers=headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if not _for_program(request):
        return await error_page(request, 422)
    wrong = wrong_parameters(error.errors())
    return problem(request, 422, "; ".join(f"{each.parameter}: {each.reason}" for each in wrong), wrong)


async def _no_range(request: Request, error: Exception) -> Response:
    parameter, _, reason = str(error).partition(": ")
    return problem(request, 422, str(error), [WrongParameter(parameter=parameter, reason=reason)])


async def _not_planned(request: Request, error: Exception) -> Response:
    assert isinstance(error, AggregatorError)
    answer = planning_problem(request, error)
    words = NOT_RECKONED if isinstance(error, NotReckoned) else None
    return answer if _for_program(request) else await error_page(request, answer.status_code, words)


async def _no_work(request: Request, error: Exception) -> Response:
    assert isinstance(error, WorkError)
    answer = work_problem(request, error)
    return answer if _for_program(request) else await error_page(request, answer.status_code)


async def _no_store(request: Request, error: Exception) -> Response:
    log.warning("%s %s could not be answered: %s", request.method, without_secret(request.url.path), error)
    return problem(request, 503) if _for_program(request) else await error_page(request, 503)


async def _broken(request: Request, _error: Exception) -> Response:
    """The server logs the traceback. This answer passes by the middleware, so it brings its headers."""
    response = problem(request, 500) if _for_program(request) else await error_page(request, 500)
    make_safe(response.headers, request.scope)
    return response

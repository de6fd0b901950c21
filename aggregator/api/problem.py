"""Errors of the API as problem details (RFC 9457): what went wrong, and which parameter to change."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


class WrongParameter(BaseModel):
    """One parameter that cannot be used as it is."""

    parameter: str = Field(description="Name of the parameter", examples=["since"])
    reason: str = Field(description="What is wrong with it", examples=["expected RFC 3339 with an offset"])


class LackingHours(BaseModel):
    """Hours that a plan needs and a cell does not have, counted on P10."""

    factory: str = Field(description="Id of the factory", examples=["aoki"])
    process: str = Field(description="Process id", examples=["cutting"])
    week: str = Field(description="ISO week", examples=["2026-W49"])
    hours: float = Field(description="So many hours more than there are", examples=[6.5])
    machines: list[str] = Field(description="Only on these machines; empty: on all of the process")


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: str = Field("about:blank", description="Kind of problem; `about:blank`: the status says it all")
    title: str = Field(description="The status in words", examples=["Not Found"])
    status: int = Field(description="HTTP status", examples=[404])
    detail: str = Field(description="What happened, and what to do", examples=["There is no such machine."])
    instance: str = Field(description="Path that was asked for", examples=["/api/v1/machines/aoki/mc-99"])
    errors: list[WrongParameter] | None = Field(None, description="With 422: every parameter that is wrong")
    lacking: list[LackingHours] | None = Field(None, description="With 409: the hours that are not there")


_RESPONSES = {
    400: "The body is no JSON text in UTF-8",
    401: "No bearer token, or one that is not valid",
    403: "The token's owner may not do this",
    404: "No such thing, or none that the token may see",
    409: "Someone was faster: changed or decided already, or the capacity is no longer there",
    422: "A parameter is wrong; `errors` names it",
    503: "The store does not answer, or too much is asked for at once; try again",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of these statuses, for `responses=` of a route."""
    schema = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {status: {"description": _RESPONSES[status], "content": schema} for status in statuses}


DETAILS: dict[int, str] = {
    400: "The body is no JSON text in UTF-8.",
    401: "Send a valid token: `Authorization: Bearer …`; `machikoba user token NAME` makes one.",
    404: "There is nothing at this address, or nothing that this token may see.",
    405: "This address does not know that method.",
    413: "The body is too large: at most 2 MB.",
    503: "The store does not answer now; nothing is lost. Try again in a minute.",
    500: "This is our fault and has been logged. Try again in a minute.",
}


def problem(
    request: Request,
    status: int,
    detail: str | None = None,
    errors: Sequence[WrongParameter] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    lacking: Sequence[LackingHours] | None = None,
) -> JSONResponse:
    """Return the answer for a status."""
    title = HTTPStatus(status).phrase
    body = Problem(
        type="about:blank",
        title=title,
        status=status,
        detail=detail or DETAILS.get(status, title),
        instance=request.url.path,
        errors=list(errors) if errors else None,
        lacking=list(lacking) if lacking else None,
    )
    content = body.model_dump(exclude_none=True)
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def wrong_parameters(errors: Sequence[Any]) -> list[WrongParameter]:
    """Return FastAPI's validation errors by the parameter's name."""
    return [
        WrongParameter(parameter=".".join(str(part) for part in error["loc"][1:]), reason=_reason(error))
        for error in errors
    ]


def _reason(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such parameter here"
    message: str = error["msg"]
    return message.removeprefix("Value error, ")

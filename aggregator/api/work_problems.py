"""What work refuses, as problem details: the status, and what to do."""

from fastapi import Request
from fastapi.responses import JSONResponse

from aggregator.api.problem import WrongParameter, problem
from aggregator.work.errors import NoSuchJob, NotAllowed, WorkError, WrongNumber


def work_problem(request: Request, error: WorkError) -> JSONResponse:
    """Return the answer for a WorkError."""
    detail = f"{error}."
    if isinstance(error, NoSuchJob):
        return problem(request, 404, detail)
    if isinstance(error, NotAllowed):
        return problem(request, 403, detail)
    if isinstance(error, WrongNumber):
        return problem(request, 422, detail, [WrongParameter(parameter=error.place, reason=error.reason)])
    return problem(request, 409, detail)

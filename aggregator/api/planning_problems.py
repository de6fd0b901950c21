"""What planning refuses, as problem details: the status and what to change."""

from fastapi import Request
from fastapi.responses import JSONResponse

from aggregator.api.problem import LackingHours, WrongParameter, problem
from aggregator.errors import AggregatorError
from aggregator.planning.errors import (
    DraftRefused,
    EditRefused,
    NoRoom,
    NoSuchMatch,
    NotReckoned,
    TooBusy,
)


def planning_problem(request: Request, error: AggregatorError) -> JSONResponse:
    """Return the answer for a PlanningError, or a DecisionError: decided already."""
    if isinstance(error, NoSuchMatch):
        return problem(request, 404, f"{error}.")
    if isinstance(error, TooBusy | NotReckoned):
        return problem(request, 503, str(error), headers={"Retry-After": str(error.retry_after_s)})
    if isinstance(error, DraftRefused):
        wrong = [WrongParameter(parameter=fault.place, reason=fault.reason) for fault in error.faults]
        return problem(request, 422, str(error), wrong)
    if isinstance(error, EditRefused):
        return problem(request, 422, str(error), [WrongParameter(parameter=error.place, reason=error.reason)])
    if isinstance(error, NoRoom):
        lacking = [
            LackingHours(
                factory=each.factory,
                process=each.process,
                week=str(each.week),
                hours=round(each.minutes / 60, 2),
                machines=list(each.machines),
            )
            for each in error.shortages
        ]
        return problem(request, 409, str(error), lacking=lacking)
    return problem(request, 409, str(error))

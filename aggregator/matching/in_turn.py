"""Minimises one quantity after another, each frozen at its best before the next is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from aggregator.matching.expression import Expression

# Work counted by the solver itself, so that the answer does not depend on how busy the computer is; at
# most some seconds each on a small computer.
EFFORT = 0.2
LEAST = 0.002
SMALL = 500  # variables: models for which presolving costs more than it saves


@dataclass(frozen=True, slots=True)
class Aim:
    """A quantity to be made small; `least` is a value that it can never fall below."""

    name: str
    value: Expression
    least: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """The last solution, what each aim came to, and whether each was shown to be the least possible."""

    solver: cp_model.CpSolver
    values: dict[str, int]
    proven: bool


def minimise(model: cp_model.CpModel, aims: Sequence[Aim], effort: float = EFFORT) -> Found | None:
    """Freeze every aim of the model at its least value, in turn; None if the model has no solution.

    One worker and a fixed seed: the same model gives the same answer. `effort` is for all aims together; what
    is left when it is spent stays as it was found, unproven.
    """
    found: cp_model.CpSolver | None = None
    values: dict[str, int] = {}
    proven = True
    for aim in aims:
        if found is None or found.value(aim.value) > aim.least:
            if found is not None:
                _hint(model, found)
                model.add(aim.value <= found.value(aim.value))
            model.minimize(aim.value)
            solver = _solver(effort, presolve=len(model.proto.variables) > SMALL)
            status = solver.solve(model)
            effort = max(LEAST, effort - solver.response_proto.deterministic_time)
            if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
                found = solver
            elif found is None:
                return None
            proven = proven and status == cp_model.OPTIMAL
        values[aim.name] = found.value(aim.value)
        model.clear_objective()  # type: ignore[no-untyped-call]
        model.add(aim.value <= values[aim.name])
    return Found(found, values, proven) if found else None


def _solver(effort: float, *, presolve: bool) -> cp_model.CpSolver:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = effort
    solver.parameters.cp_model_presolve = presolve
    return solver


def _hint(model: cp_model.CpModel, found: cp_model.CpSolver) -> None:
    model.clear_hints()  # type: ignore[no-untyped-call]
    for index, value in enumerate(found.response_proto.solution):
        model.add_hint(model.get_int_var_from_proto_index(index), value)

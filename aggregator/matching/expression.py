"""Sums of model variables, typed: what the models are written in."""

from collections.abc import Iterable

from ortools.sat.python import cp_model

Expression = cp_model.LinearExpr


def constant(value: int) -> Expression:
    """Return a number as an expression."""
    return cp_model.LinearExpr.constant(value)


def total(parts: Iterable[Expression | int]) -> Expression:
    """Return the sum; 0 of nothing."""
    return cp_model.LinearExpr.sum([constant(0), *parts])

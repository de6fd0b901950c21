"""The order of an order's steps: which come before which, and loops in it."""

from collections.abc import Sequence

from aggregator.model.order import DraftStep


def in_order(steps: Sequence[DraftStep]) -> list[DraftStep]:
    """Return the steps, each behind those whose pieces it takes; else as they were. Raises ValueError."""
    left = list(steps)
    known = {step.id for step in steps}
    done: list[DraftStep] = []
    while left:
        waiting = {step.id for step in left}
        ready = [step for step in left if not waiting.intersection(step.after)]
        if not ready or not all(known.issuperset(step.after) for step in ready):
            raise ValueError("the routing has a loop or names a step that is not there")
        done += ready
        left = [step for step in left if step not in ready]
    return done


def loop_in(steps: Sequence[DraftStep]) -> list[str]:
    """Return the ids of steps that wait for each other, in the order of work; none if there is no loop."""
    after = {step.id: step.after for step in steps}
    closed: set[str] = set()
    for start in after:
        path: list[str] = []
        found = _walk(start, after, path, closed)
        if found:
            return found
    return []


def _walk(start: str, after: dict[str, tuple[str, ...]], path: list[str], closed: set[str]) -> list[str]:
    """Go back from `start` until a step is met again; `closed` have been looked at."""
    stack = [(start, iter(after[start]))]
    path.append(start)
    while stack:
        step, before = stack[-1]
        following = next((each for each in before if each in after and each not in closed), None)
        if following is None:
            closed.add(step)
            path.pop()
            stack.pop()
        elif following in path:
            return path[path.index(following) :][::-1]
        else:
            path.append(following)
            stack.append((following, iter(after[following])))
    return []

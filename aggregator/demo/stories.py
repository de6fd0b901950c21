"""The orders that the demo opens with: who wants what, on which machines, and how far it is. Values only."""

from dataclasses import dataclass, replace

from aggregator.model.order import DraftStep, Needs


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of a story: on which machine it is made, and the step as drafted."""

    factory: str
    machine: str
    step: DraftStep


@dataclass(frozen=True, slots=True)
class Story:
    """`done` steps are finished; of the next one `share` (0 to 1) is made by now, 0: it has not begun.

    Due `due_days` after the demo's first day. A `late` one was planned without a day to spare, and work on it
    began later than that.
    """

    buyer: str
    part: str
    quantity: int
    due_days: int
    stages: tuple[Stage, ...]
    done: int = 0
    share: float = 0.0
    late: bool = False


def _stage(factory: str, machine: str, process: str, cycle_s: float, **more: object) -> Stage:
    return Stage(factory, machine, DraftStep(process, process, cycle_s, **more))  # type: ignore[arg-type]


def _routing(*stages: Stage, by_van: int = 0) -> tuple[Stage, ...]:
    """Return the stages one after the other: a day on the road each, `by_van` first ones the same day."""
    befores = ((), *((stage.step.id,) for stage in stages))
    return tuple(
        replace(stage, step=replace(stage.step, after=after, transport_days=int(number >= by_van)))
        for number, (stage, after) in enumerate(zip(stages, befores, strict=False))
    )


_ALUMINIUM = Needs(materials=frozenset({"A5052"}))
_STEEL = Needs(materials=frozenset({"S45C"}))

STORIES: tuple[Story, ...] = (
    Story(
        "株式会社みらい電機",
        "制御盤ブラケット MB-240",
        180,
        6,
        _routing(
            _stage("aoki", "mc-02", "cutting", 42, setup_h=0.5, needs=_ALUMINIUM),
            _stage("fujimi", "pr-03", "pressing", 5.6, pieces_per_cycle=2, setup_h=0.5),
            _stage("sakura", "pl-03", "surface_treatment", 66, pieces_per_cycle=8),
            _stage("higashi", "in-02", "inspection", 18),
            _stage("hinode", "as-03", "assembly", 28),
            _stage("minato", "sh-01", "shipping", 12),
            by_van=4,
        ),
        done=4,
        share=0.45,
    ),
    Story(
        "株式会社みらい電機",
        "モーターカバー MC-75",
        260,
        12,
        _routing(
            _stage("aoki", "mc-01", "cutting", 60, setup_h=0.5, needs=_ALUMINIUM),
            _stage("fujimi", "pr-02", "pressing", 2.4, setup_h=0.5),
            _stage("sakura", "pl-01", "surface_treatment", 75, pieces_per_cycle=12),
            _stage("higashi", "in-01", "inspection", 38),
            _stage("minato", "sh-03", "shipping", 10),
        ),
        share=0.25,
    ),
    Story(
        "北斗ロボティクス株式会社",
        "ロボットハンド基部 RH-12",
        96,
        1,
        _routing(
            _stage("aoki", "mc-03", "cutting", 88, setup_h=1.0, needs=_STEEL),
            _stage("sakura", "pl-02", "surface_treatment", 84, pieces_per_cycle=12, needs=_STEEL),
            _stage("higashi", "in-03", "inspection", 25),
            _stage("hinode", "as-02", "assembly", 58),
            _stage("minato", "sh-02", "shipping", 16),
            by_van=2,
        ),
        done=2,
        share=0.3,
        late=True,
    ),
    Story(
        "東海精密機器株式会社",
        "センサー台座 SB-8",
        400,
        24,
        _routing(
            _stage("aoki", "mc-04", "cutting", 34, setup_h=0.5, needs=_ALUMINIUM),
            _stage("sakura", "pl-03", "surface_treatment", 66, pieces_per_cycle=8),
            _stage("higashi", "in-02", "inspection", 18),
            _stage("minato", "sh-01", "shipping", 12),
        ),
    ),
    Story(
        "東海精密機器株式会社",
        "端子カバー TC-30",
        120,
        2,
        _routing(
            _stage("fujimi", "pr-04", "pressing", 2.9, setup_h=0.5),
            _stage("hinode", "as-01", "assembly", 45),
            _stage("minato", "sh-02", "shipping", 16),
            by_van=2,
        ),
        done=3,
    ),
)

"""What simulated factories are like: characters of federations, and of the machines in them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Character:
    """`private` is the share of time that own work takes, in jobs of `private_h` hours on average.

    A machine breaks down every `between_h` hours of work for `repair_h` on average (long tail). People begin
    a job `start_h` after they could. Real cycles take exp(`slow`) times the plan, give or take `uneven`;
    a share `scrap` of pieces is scrap. `every_h` hours an order comes. Of its spare hours a factory declares
    `declared` times the truth. `shared_first` is the chance that shared work goes before own work.
    """

    private: float = 0.45
    private_h: float = 3.0
    between_h: float = 120.0
    repair_h: float = 2.0
    start_h: float = 3.0
    slow: float = 0.08
    uneven: float = 0.12
    scrap: float = 0.02
    every_h: float = 14.0
    declared: float = 1.3
    shared_first: float = 0.5


CHARACTERS = {
    "steady": Character(private=0.35, uneven=0.08, start_h=2),
    "breakdowns": Character(between_h=35, repair_h=6),
    "lumpy private load": Character(private=0.5, private_h=12),
    "late starters": Character(start_h=12),
    "scrap": Character(scrap=0.12, uneven=0.2, slow=0.15),
    "queues": Character(every_h=6, private=0.35),
}

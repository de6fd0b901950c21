"""The table `[[foreign]]`: a machine behind a foreign Sparkplug edge node, and what its metrics mean."""

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent.contract.topics import ID_PATTERN
from agent.measuring.machine import MachineRules

_RULES = frozenset(field.name for field in msgspec.structs.fields(MachineRules))

Name = Annotated[str, Field(min_length=1, max_length=200)]
SparkplugId = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^+#/\x00-\x1f\x7f]+$")]
"""Foreign nodes choose their own ids: everything that a topic can hold in one place."""


class ForeignMachine(BaseModel):
    """`factory` and `machine` are its Sparkplug edge node and device; `signals` names metrics.

    With `of_node` the metrics are the edge node's own, which has no devices; `machine` is any id then.
    `measuring` holds what the table says beside that, in the words of the agent's `[[machines]]`: `rules`,
    `otherwise`, `cycles`, `scrap`, `job`, `pieces_per_cycle`. Nothing heard for `silence_s`: its signals are
    unknown; without it only a death tells that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    factory: SparkplugId
    machine: SparkplugId
    name: Name = Field(default_factory=lambda values: values["machine"])
    factory_name: Name | None = None
    process: Annotated[str, Field(pattern=ID_PATTERN)]
    of_node: bool = False
    silence_s: Annotated[float, Field(ge=5, le=86_400)] | None = None
    signals: Annotated[dict[str, Name], Field(min_length=1)]
    measuring: MachineRules

    @model_validator(mode="before")
    @classmethod
    def _with_rules(cls, table: Any) -> Any:
        """Gather the rules, which the agent's own type checks: a machine is described in one way only."""
        if not isinstance(table, dict) or isinstance(table.get("measuring"), MachineRules):
            return table
        if "measuring" in table:
            raise ValueError("measuring: unknown setting; rules, cycles and so on stand in the table itself")
        rules = {key: value for key, value in table.items() if key in _RULES}
        try:
            measuring = msgspec.convert(rules, MachineRules)
        except msgspec.ValidationError as error:
            what, _, place = str(error).partition(" - at `$.")
            raise ValueError(f"{place.rstrip('`')}: {what}" if place else what) from None
        return {**{key: value for key, value in table.items() if key not in _RULES}, "measuring": measuring}

    @model_validator(mode="after")
    def _signals_are_there(self) -> "ForeignMachine":
        missing = sorted(self.measuring.signals - self.signals.keys())
        if missing:
            raise ValueError(
                f"signals: {', '.join(missing)}: used by rules or counts, but no metric is named"
            )
        if not self.measuring.signals:
            raise ValueError("rules: is missing; without rules, cycles or job nothing is measured")
        return self

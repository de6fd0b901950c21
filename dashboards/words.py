"""What dashboards say, in English and in Japanese: a text without its Japanese fails when files are written."""

from dataclasses import dataclass

from agent.contract.states import STATES, State
from aggregator.capacity.terms import Level
from aggregator.config import PROCESSES
from dashboards.japanese import JAPANESE

_STATES = {
    State.RUNNING: ("稼働中", "Running"),
    State.SETUP: ("段取り中", "Setup"),
    State.IDLE: ("待機中", "Idle"),
    State.DOWN: ("異常停止", "Down"),
    State.PLANNED_STOP: ("計画停止", "Planned stop"),
    State.OFFLINE: ("通信断", "Offline"),
}
_LEVELS = {
    Level.PLENTY: ("余裕あり", "Plenty"),
    Level.SOME: ("少しあり", "Some"),
    Level.PERHAPS: ("見込みのみ", "Perhaps"),
    Level.NONE: ("なし", "None"),
    Level.CLOSED: ("休み", "Closed"),
    Level.UNKNOWN: ("不明", "Unknown"),
}


@dataclass(frozen=True, slots=True)
class Language:
    """`code` is `ja` or `en`; states and levels are in the order of their codes."""

    code: str

    def say(self, text: str) -> str:
        """Return an English text in the language; KeyError names what has no Japanese."""
        return JAPANESE[text] if self.code == "ja" else text

    @property
    def states(self) -> list[str]:
        """What people call the six states."""
        return [_STATES[state][self.code != "ja"] for state in STATES]

    @property
    def levels(self) -> list[str]:
        """What people call how much time there is."""
        return [_LEVELS[level][self.code != "ja"] for level in Level]

    @property
    def processes(self) -> dict[str, str]:
        """What people call the processes, by id."""
        return {id: name.ja if self.code == "ja" else name.en for id, name in PROCESSES.items()}


LANGUAGES = (Language("ja"), Language("en"))

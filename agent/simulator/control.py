"""The control file: lines of JSON that others append while the floor runs in, commands for machines out."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import msgspec

WORK_ORDER_BYTES = 32
"""As many as fit into the registers of a Modbus machine."""


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`machine` is `factory/machine`: it gets a work order ("": none), breaks down for so long, or both."""

    machine: str
    work_order: str | None = None
    breakdown_s: Annotated[float, msgspec.Meta(ge=0.001, le=31_536_000)] | None = None

    def __post_init__(self) -> None:
        if self.work_order is None and self.breakdown_s is None:
            raise ValueError("expected work_order or breakdown_s")
        if self.work_order is not None and len(self.work_order.encode()) > WORK_ORDER_BYTES:
            raise ValueError(f"work_order: expected at most {WORK_ORDER_BYTES} bytes")


class ControlFile:
    """Reads what is appended; lines that are there when it is made were for an earlier floor."""

    def __init__(self, path: Path | None, machines: Collection[str]) -> None:
        self._path = path
        self._machines = machines
        self._offset = 0 if path is None or not path.exists() else path.stat().st_size
        self._number = 0

    def read(self) -> tuple[list[Command], list[str]]:
        """Return new commands and, as sentences, what is wrong with the other new lines."""
        commands: list[Command] = []
        wrong: list[str] = []
        for line in self._new_lines():
            self._number += 1
            try:
                command = msgspec.json.decode(line, type=Command)
            except (msgspec.MsgspecError, UnicodeError) as error:
                wrong.append(f"--control {self._path}: new line {self._number} is ignored: {error}")
                continue
            if command.machine in self._machines:
                commands.append(command)
            else:
                wrong.append(f"--control {self._path}: there is no machine {command.machine!r}")
        return commands, wrong

    def _new_lines(self) -> list[bytes]:
        """Return the lines that are complete since the last call; a file that is not there has none."""
        if self._path is None:
            return []
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:
            return []
        complete = new[: new.rfind(b"\n") + 1]
        self._offset += len(complete)
        return [line for line in complete.splitlines() if line.strip()]

"""A factory's Modbus TCP server on loopback, one unit a machine; the only module that imports pymodbus."""

from collections.abc import Callable, Sequence

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from agent.errors import ConfigError
from agent.simulator.faces import INPUT_REGISTERS, input_registers, lamps
from agent.simulator.plant import Machine
from agent.simulator.status import Status

READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
HOST = "127.0.0.1"


class Unit:
    """One machine's registers, made at every read from its one current status: no read is torn."""

    def __init__(self, machine: Machine, now: Callable[[], int]) -> None:
        self.machine = machine
        self.now = now
        self.status: Status | None = None

    def device(self) -> SimDevice:
        """Return the device for pymodbus: 16 discrete inputs and the input registers, nothing else."""
        return SimDevice(
            id=self.machine.wiring.unit,
            simdata=(
                [SimData(0, count=16, values=False, datatype=DataType.BITS)],
                [SimData(0, count=16, values=False, datatype=DataType.BITS)],
                [SimData(0, datatype=DataType.REGISTERS)],
                [SimData(0, count=INPUT_REGISTERS, datatype=DataType.REGISTERS)],
            ),
            action=self.answer,
        )

    async def answer(
        self,
        function_code: int,
        _start: int,
        _address: int,
        _count: int,
        registers: list[int],
        written: Sequence[int] | Sequence[bool] | None,
    ) -> ExcCodes | None:
        """Fill pymodbus' registers before it answers a read; refuse every write."""
        if written is not None or function_code in (READ_COILS, READ_HOLDING):
            return ExcCodes.ILLEGAL_FUNCTION
        if self.status is None:
            return ExcCodes.DEVICE_BUSY
        if function_code == READ_DISCRETE:
            registers[0] = lamps(self.machine, self.status, self.now()).word()
        elif function_code == READ_INPUT:
            registers[:INPUT_REGISTERS] = input_registers(self.machine, self.status)
        return None


class ModbusServer:
    """Serves the given machines of one factory on its Modbus port."""

    def __init__(self, port: int, machines: Sequence[Machine], now: Callable[[], int]) -> None:
        self.port = port
        self.units = {machine.key: Unit(machine, now) for machine in machines}
        self.server: ModbusTcpServer | None = None

    async def prepare(self) -> None:
        """Build the registers; nobody can connect yet."""
        devices = [unit.device() for unit in self.units.values()]
        self.server = ModbusTcpServer(devices, address=(HOST, self.port))

    async def listen(self) -> None:
        """Open the port; raises ConfigError when it is taken."""
        assert self.server is not None
        try:
            await self.server.serve_forever(background=True)
        except RuntimeError as error:
            raise ConfigError(
                f"modbus_port: port {self.port} of {HOST} cannot be opened ({error})"
            ) from error

    async def show(self, machine: Machine, status: Status) -> None:
        """Let the machine show a status from now on."""
        self.units[machine.key].status = status

    async def close(self) -> None:
        """Close the port and all connections."""
        if self.server is not None:
            await self.server.shutdown()  # type: ignore[no-untyped-call]

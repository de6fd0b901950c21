"""`machikoba-agent discover`: an address in; what can be read there out, as text or as lines of TOML."""

import argparse
import asyncio
from collections.abc import Sequence

from agent import commissioning
from agent.drivers.finding import Finding, snippet
from agent.errors import ConfigError
from agent.measuring.reading import GOOD

MODBUS_PORT = 502


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    protocols = parser.add_subparsers(dest="protocol", required=True, metavar="PROTOCOL")
    opcua = protocols.add_parser(
        "opcua",
        help="list the variables of an OPC UA server",
        description="List the variables of an OPC UA server: name, type, value now, node.",
        epilog="example: machikoba-agent discover opcua opc.tcp://192.168.0.10:4840 --toml",
    )
    opcua.add_argument("url", metavar="URL", help="such as opc.tcp://192.168.0.10:4840")
    opcua.add_argument("--username", metavar="NAME", help="who to sign in as, where the server asks for it")
    opcua.add_argument("--password-file", metavar="FILE", help="a file that holds the password")
    opcua.add_argument("--limit", type=_from_one, default=500, metavar="N", help="list at most N (500)")
    modbus = protocols.add_parser(
        "modbus",
        help="list the registers or bits that a Modbus TCP unit answers",
        description="List the registers or bits that a Modbus TCP unit answers, with their values now.",
        epilog="example: machikoba-agent discover modbus 192.168.0.20 --table input",
    )
    modbus.add_argument("address", metavar="HOST[:PORT]", help="such as 192.168.0.20 (port 502)")
    modbus.add_argument("--units", action="store_true", help="list the unit ids that answer instead")
    modbus.add_argument("--unit", type=int, default=1, metavar="ID", help="unit id (1)")
    modbus.add_argument(
        "--table",
        choices=("holding", "input", "coil", "discrete"),
        default="holding",
        help="which of the four tables (holding)",
    )
    modbus.add_argument("--first", type=int, default=0, metavar="N", help="first address, from 0 (0)")
    modbus.add_argument("--count", type=_from_one, default=100, metavar="N", help="how many addresses (100)")
    for protocol in (opcua, modbus):
        protocol.add_argument("--toml", action="store_true", help="print lines for the table of signals")


def _from_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Ask and print; raises LinkError or ConfigError with one sentence."""
    if args.protocol == "opcua":
        found = asyncio.run(
            commissioning.discover_opcua(
                args.url, username=args.username, password_file=args.password_file, limit=args.limit
            )
        )
        print(_told(found, args.toml))
        return 0
    host, port = _host_and_port(args.address)
    if args.units:
        answers = asyncio.run(commissioning.modbus_units(host, port))
        print("\n".join(f"unit {unit}: {what}" for unit, what in answers.items()) or "no unit answers")
        return 0
    asked = {"unit": args.unit, "table": args.table, "first": args.first, "count": args.count}
    print(_told(asyncio.run(commissioning.discover_modbus(host, port, **asked)), args.toml))
    return 0


def _told(found: Sequence[Finding], as_toml: bool) -> str:
    if as_toml:
        return snippet(found).rstrip("\n")
    rows = [(finding.name, finding.type, _value(finding), finding.place) for finding in found]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = ["  ".join((*map(str.ljust, row[:3], widths), row[3])) for row in rows]
    return "\n".join(lines) or "nothing to be read was found"


def _value(finding: Finding) -> str:
    return str(finding.value) if finding.quality == GOOD else f"({finding.quality})"


def _host_and_port(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon:
        return address, MODBUS_PORT
    if not host or not port.isdecimal():
        raise ConfigError(f"{address}: expected HOST or HOST:PORT, such as 192.168.0.20:502")
    return host, int(port)

"""`machikoba enroll`: keys and certificates for factories, the broker and the aggregator; revokes, too."""

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from agent.contract.topics import valid_id
from aggregator.config import Config, from_arguments
from aggregator.config import add_arguments as add_config_arguments
from aggregator.enrolment.authority import (
    AGGREGATOR,
    BROKER,
    Authority,
    EnrolmentError,
    Known,
    Purpose,
    replace,
)
from aggregator.enrolment.bundle import (
    agent_files,
    aggregator_files,
    broker_files,
    require_free,
    write_bundle,
)

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?|::1")

_EXAMPLES = """\
examples:
  machikoba enroll --broker mqtt.example.jp --out /etc/mosquitto/machikoba
  machikoba enroll --aggregator --out /etc/machikoba/mqtt
  machikoba enroll aoki                                a bundle for the agent of the factory aoki
  machikoba enroll aoki --revoke --crl /etc/mosquitto/machikoba/crl.pem
  machikoba enroll --list
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `machikoba enroll`."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("factory", nargs="?", metavar="FACTORY", help="id of the factory whose agent comes in")
    who.add_argument(
        "--broker", metavar="HOST[,HOST]", help="make the broker's certificate, for these names or addresses"
    )
    who.add_argument("--aggregator", action="store_true", help="make the aggregator's own certificate")
    who.add_argument("--list", action="store_true", help="print what was issued and when it ends")
    parser.add_argument("--revoke", action="store_true", help="shut out every certificate of the factory")
    parser.add_argument(
        "--crl", type=Path, metavar="FILE", help="with --revoke: the broker's list of revoked certificates"
    )
    parser.add_argument(
        "--days", type=int, default=730, metavar="N", help="how long it is valid, 1 to 3650 (default: 730)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PLACE",
        help="a folder, or a file ending with .tar (default: machikoba-agent-FACTORY.tar)",
    )
    parser.add_argument(
        "--ca",
        type=Path,
        metavar="DIR",
        help="folder of the federation's authority (default: the setting ca)",
    )
    add_config_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; raises AggregatorError in one sentence."""
    config = from_arguments(arguments)
    authority = Authority(arguments.ca or config.ca)
    _kind(arguments)(config, authority, arguments)
    return 0


def _kind(arguments: argparse.Namespace) -> Callable[[Config, Authority, argparse.Namespace], None]:
    if arguments.list:
        return _list
    if arguments.revoke:
        return _revoke
    if arguments.crl is not None:
        raise EnrolmentError("--crl: only with --revoke")
    if not 1 <= arguments.days <= 3650:
        raise EnrolmentError(f"--days: expected 1 to 3650, got {arguments.days}")
    if arguments.broker is not None:
        return _broker
    return _aggregator if arguments.aggregator else _factory


def _factory(config: Config, authority: Authority, arguments: argparse.Namespace) -> None:
    factory = arguments.factory
    if not valid_id(factory):
        raise EnrolmentError(
            f"{factory!r} is no factory's id: 1 to 64 letters, digits, '.', '_' or '-', "
            "the first a letter or digit"
        )
    place = arguments.out or Path(f"machikoba-agent-{factory}.tar")
    require_free(place)
    _found(config, authority)
    issued = authority.issue(factory, Purpose.CLIENT, arguments.days, datetime.now(UTC))
    write_bundle(place, agent_files(config, authority, factory, issued))
    print(f"{place}: for the agent of {factory}, valid until {issued.ends_at:%Y-%m-%d}; holds its key")


def _aggregator(config: Config, authority: Authority, arguments: argparse.Namespace) -> None:
    place = arguments.out or config.data / "mqtt"
    require_free(place)
    _found(config, authority)
    issued = authority.issue(AGGREGATOR, Purpose.CLIENT, arguments.days, datetime.now(UTC))
    write_bundle(place, aggregator_files(authority, issued))
    print(f"{place}: for the aggregator, valid until {issued.ends_at:%Y-%m-%d}; into its settings belong:\n")
    print(
        f'[mqtt]\nca_file = "{place / "ca.crt"}"\ncertificate_file = "{place / "aggregator.crt"}"\n'
        f'key_file = "{place / "aggregator.key"}"'
    )


def _broker(config: Config, authority: Authority, arguments: argparse.Namespace) -> None:
    hosts = arguments.broker.split(",")
    if wrong := [host for host in hosts if not HOST.fullmatch(host)]:
        raise EnrolmentError(f"--broker: {wrong[0]!r} is no name or address of a computer")
    place = arguments.out or config.data / "broker"
    require_free(place)
    _found(config, authority)
    issued = authority.issue(BROKER, Purpose.BROKER, arguments.days, datetime.now(UTC), hosts)
    write_bundle(place, broker_files(authority, issued))
    print(f"{place}: for the broker {', '.join(hosts)}, valid until {issued.ends_at:%Y-%m-%d}; holds its key")


def _revoke(config: Config, authority: Authority, arguments: argparse.Namespace) -> None:
    name = AGGREGATOR if arguments.aggregator else BROKER if arguments.broker else arguments.factory
    if name not in {known.name for known in _all_known(authority)}:
        raise EnrolmentError(f"{name}: has no certificate of this authority ({authority.folder})")
    count = authority.revoke(name, datetime.now(UTC))
    if arguments.crl is None:
        where = f"copy {authority.revoked_file} to the broker"
    else:
        try:
            replace(arguments.crl, authority.revoked_file.read_bytes(), 0o644)
        except OSError as error:
            raise EnrolmentError(
                f"revoked, but {arguments.crl} cannot be written: {error.strerror}"
            ) from error
        where = f"the broker's {arguments.crl} is written"
    said = {0: "nothing was left to revoke", 1: "1 certificate revoked"}
    print(f"{name}: {said.get(count, f'{count} certificates revoked')}; {where}; restart the broker")


def _list(_config: Config, authority: Authority, _arguments: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    for known in _all_known(authority):
        ended = "revoked" if known.revoked else "ended" if known.ends_at <= now else ""
        told = ended or f"{(known.ends_at - now).days} days left"
        print(f"{known.name}\t{known.serial:x}\tuntil {known.ends_at:%Y-%m-%d}\t{told}")


def _all_known(authority: Authority) -> list[Known]:
    if not authority.certificate_file.exists():
        raise EnrolmentError(f"{authority.folder}: there is no authority yet; enrol somebody first")
    return authority.known()


def _found(config: Config, authority: Authority) -> None:
    if authority.found(config.federation, datetime.now(UTC)):
        print(
            f"{authority.folder}: the authority of {config.federation} is made; keep a copy in a safe place"
        )

"""`machikoba capacity`: asks a running server or the database itself, and prints spare hours."""

import argparse
import asyncio
import json
import os
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from agent.contract.masking import masked
from aggregator.api.capacity import CapacityBy, CapacityQuery, answer_of
from aggregator.api.capacity_rows import Rows
from aggregator.capacity.reckoning import WEEKS
from aggregator.capacity_table import capacity_table, language_of
from aggregator.clock import now_ms
from aggregator.config import PROCESSES, Config, ProcessName, from_arguments
from aggregator.config import add_arguments as add_config_arguments
from aggregator.errors import AggregatorError
from aggregator.homes import open_home
from aggregator.services import make_services
from aggregator.store.database import open_engine, place_of
from aggregator.store.migration import migrate
from aggregator.store.records import Records

TIMEOUT_S = 30

_EXAMPLES = """\
examples:
  machikoba capacity --config machikoba.toml
  machikoba capacity --process cutting --weeks 8 --url http://127.0.0.1:8000 --token-file token.txt
With --url a running server is asked, and the table shows what the token may see. Without it the numbers are
reckoned here from the database of the settings, by the same code; that takes longer while nothing serves.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `machikoba capacity`."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--process", metavar="ID", help="only this process, factory by factory")
    parser.add_argument("--factory", metavar="ID", help="only this factory")
    parser.add_argument(
        "--weeks", type=int, default=4, metavar="N", help=f"how many weeks, 1 to {WEEKS} (default: 4)"
    )
    parser.add_argument("--json", action="store_true", help="print the API's answer instead of a table")
    parser.add_argument(
        "--url", metavar="URL", help="address of a running server, such as http://127.0.0.1:8000"
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="with --url: file that holds a token")
    add_config_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the table; raises AggregatorError or StoreError in one sentence."""
    if not 1 <= arguments.weeks <= WEEKS:
        raise AggregatorError(f"--weeks: expected 1 to {WEEKS}, got {arguments.weeks}")
    query = _query(arguments)
    processes: dict[str, ProcessName] = PROCESSES
    if arguments.url is None:
        config = from_arguments(arguments)
        processes = config.processes
        answer = json.loads(asyncio.run(_reckoned(config, query)))
    else:
        answer = _asked(arguments.url, _token(arguments.token_file), query)
    if arguments.json:
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        print(capacity_table(answer, language_of(os.environ), processes))
    return 0


def _query(arguments: argparse.Namespace) -> CapacityQuery:
    alone = arguments.process is None and arguments.factory is None
    by = CapacityBy.PROCESS if alone else CapacityBy.FACTORY
    return CapacityQuery(factory=arguments.factory, process=arguments.process, weeks=arguments.weeks, by=by)


async def _reckoned(config: Config, query: CapacityQuery) -> bytes:
    engine = open_engine(config.database_url)
    try:
        await asyncio.to_thread(migrate, engine)
        services = make_services(config, open_home(config, engine), Records(engine), now_ms)
        await services.days.refresh()
        await services.spare.refresh()
        if not services.spare.fresh_ms():
            raise AggregatorError(f"{place_of(engine)}: the database does not answer; try again")
        answer = answer_of(services, None, query, Rows(config.zone))
    finally:
        engine.dispose()
    if answer is None:
        raise AggregatorError("no machine is of that factory and process; `machikoba capacity` lists them")
    return answer


def _token(file: Path | None) -> str:
    if file is None:
        raise AggregatorError("--token-file: is needed with --url; `machikoba user token NAME` makes a token")
    try:
        token = file.read_text("utf-8").strip()
    except OSError as error:
        raise AggregatorError(f"--token-file: {file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AggregatorError(f"--token-file: {file}: is not UTF-8 text") from error
    if not token or not token.isascii() or not token.isprintable():
        raise AggregatorError(f"--token-file: {file}: holds no token")
    return token


def _asked(url: str, token: str, query: CapacityQuery) -> dict[str, Any]:
    if not url.startswith(("http://", "https://")) or url != masked(url):
        got = masked(repr(url))
        raise AggregatorError(f"--url: expected http:// or https:// and no password, got {got}")
    asked = urlencode(query.model_dump(mode="json", exclude_none=True))
    request = Request(
        f"{url.rstrip('/')}/api/v1/capacity?{asked}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urlopen(request, timeout=TIMEOUT_S) as response:
            found: dict[str, Any] = json.load(response)
    except HTTPError as error:
        raise AggregatorError(f"{url}: {_detail(error)}") from error
    except URLError as error:
        raise AggregatorError(f"{url}: cannot be reached: {error.reason}") from error
    except (OSError, ValueError, HTTPException) as error:
        raise AggregatorError(f"{url}: is no Machikoba server, or broke off: {error}") from error
    return found


def _detail(error: HTTPError) -> str:
    """Return what the server says of the failure."""
    try:
        return str(json.load(error)["detail"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"answers {error.code} {error.reason}"

"""`machikoba grafana`: dashboards, data sources, alert rules and an account that may read, into a Grafana."""

import argparse
import json
import re
from datetime import UTC, datetime
from pathlib import Path

from aggregator.config import Config, from_arguments
from aggregator.config import add_arguments as add_config_arguments
from aggregator.errors import AggregatorError
from aggregator.grafana.push import Wishes, steps
from aggregator.grafana.site import Site
from aggregator.grafana.wanted import LANGUAGES, Place, dashboards

_EXAMPLES = """\
examples:
  machikoba grafana push --config machikoba.toml --url https://grafana.example --token-file grafana-token \\
      --influx-token-file influx-read-token --dry-run
  machikoba grafana write /var/lib/grafana/machikoba --config machikoba.toml
The token in --token-file is that of a Grafana service account with the role Admin. Pushing again changes only
what differs; what was changed by hand in Grafana is shown by --dry-run, and goes with the next push.
"""
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?")
_DID = {"create": "created", "change": "changed", "keep": "unchanged"}
_WOULD = {"create": "would create", "change": "would change", "keep": "unchanged"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands below `machikoba grafana`, and their flags."""
    commands = parser.add_subparsers(dest="grafana_command", required=True, metavar="COMMAND")
    raw = argparse.RawDescriptionHelpFormatter
    push = commands.add_parser(
        "push",
        help="bring an existing Grafana up to date",
        description="Bring an existing Grafana up to date: folder, data source, dashboards, alert rules.",
        epilog=_EXAMPLES,
        formatter_class=raw,
    )
    push.add_argument("--url", required=True, metavar="URL", help="address of Grafana")
    push.add_argument(
        "--token-file", required=True, type=Path, metavar="FILE", help="file with a token of Grafana"
    )
    push.add_argument("--influx-url", metavar="URL", help="InfluxDB as Grafana sees it (default: influx.url)")
    push.add_argument(
        "--influx-token-file", type=Path, metavar="FILE", help="file with a token that may read InfluxDB"
    )
    push.add_argument(
        "--replace-token", action="store_true", help="put in that token though there is one already"
    )
    push.add_argument(
        "--name", default="", metavar="NAME", help="tells several federations in one Grafana apart"
    )
    push.add_argument(
        "--viewer-token-file", type=Path, metavar="FILE", help="new file for a token that may only look"
    )
    push.add_argument("--dry-run", action="store_true", help="show what differs, change nothing")
    write = commands.add_parser(
        "write",
        help="write the dashboards' files, for a Grafana that reads a folder",
        description="Write the dashboards' files, for a Grafana that reads a folder.",
    )
    write.add_argument("folder", type=Path, metavar="DIR", help="where to")
    for command in (push, write):
        command.add_argument(
            "--language",
            choices=[*LANGUAGES, "both"],
            default="both",
            help="of the dashboards (default: both)",
        )
        command.add_argument(
            "--web-url",
            metavar="URL",
            help="the aggregator's pages as readers see them (default: web.public_url)",
        )
        add_config_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    """Do what `machikoba grafana` is asked for; raises AggregatorError in one sentence."""
    config = from_arguments(arguments)
    languages = LANGUAGES if arguments.language == "both" else (arguments.language,)
    if arguments.grafana_command == "write":
        _write(arguments.folder, _place(config, "", "", arguments.web_url), languages)
        return 0
    if arguments.name and not _NAME.fullmatch(arguments.name):
        raise AggregatorError(f"--name: expected up to 12 of a-z, 0-9 and -, got {arguments.name!r}")
    url = arguments.influx_url or (config.influx.url if config.influx else None)
    if url is None:
        raise AggregatorError("--influx-url: give it, or [influx] in the settings: Grafana reads InfluxDB")
    place = _place(config, arguments.name, url, arguments.web_url)
    token = (
        None
        if arguments.influx_token_file is None
        else _secret("--influx-token-file", arguments.influx_token_file)
    )
    if arguments.replace_token and token is None:
        raise AggregatorError("--replace-token: needs --influx-token-file")
    wishes = Wishes(languages, token, arguments.replace_token, arguments.viewer_token_file)
    site = Site(_address("--url", arguments.url), _secret("--token-file", arguments.token_file))
    _push(site, place, wishes, arguments.dry_run)
    return 0


def _push(site: Site, place: Place, wishes: Wishes, dry_run: bool) -> None:
    site.check()
    for step in steps(site, place, wishes, datetime.now(UTC)):
        if dry_run:
            print(f"{_WOULD[step.action]:<14}{step.what}")
            if step.action != "create":  # of new ones everything differs
                for line in step.difference:
                    print(f"    {line}")
            continue
        if step.action != "keep":
            step.do()
        print(f"{_DID[step.action]:<11}{step.what}", flush=True)


def _write(folder: Path, place: Place, languages: tuple[str, ...]) -> None:
    for dashboard in dashboards(place, languages):
        path = folder / f"{dashboard['uid']}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(dashboard, ensure_ascii=False, indent=2) + "\n", "utf-8")
            path.chmod(0o644)  # Grafana reads it as another user, whatever the umask is
        except OSError as error:
            raise AggregatorError(f"{path}: cannot be written: {error.strerror}") from error
        print(path)


def _place(config: Config, name: str, influx_url: str, web_url: str | None) -> Place:
    return Place(
        name=name,
        influx_url=influx_url and _address("--influx-url", influx_url),
        bucket=config.influx.bucket if config.influx else "machikoba",
        web_url=_address("--web-url", web_url or config.web.public_url),
        processes=config.processes,
        alerts=config.alerts,
    )


def _address(flag: str, url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", url):
        # Not repeated: what is wrong may be a password in it.
        raise AggregatorError(f"{flag}: expected an address such as https://grafana.example, no password")
    return url.rstrip("/")


def _secret(flag: str, path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except OSError as error:
        raise AggregatorError(f"{flag}: {path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise AggregatorError(f"{flag}: {path}: is not UTF-8 text") from error
    if not text or not text.isprintable() or " " in text:
        raise AggregatorError(f"{flag}: {path}: expected a token on one line")
    return text

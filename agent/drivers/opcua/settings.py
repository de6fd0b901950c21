"""What `[machines.opcua]` may say: the server, how often it publishes, and which node each signal is."""

from urllib.parse import urlsplit

import msgspec

from .nodes import NodeName, parse_node


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One server and the nodes wanted from it; signal -> `nsu=<namespace URI>;s=<identifier>`.

    The server samples every `sampling_interval_ms` (`publishing_interval_ms` unless said) and sends what
    changed every `publishing_interval_ms`. Every `resync_s` all nodes are read once, to prove that the
    subscription lives and to find nodes that appeared. A password is sent encrypted or not at all, unless
    `plain_password` allows it. Raises ValueError naming the path of what is wrong.
    """

    url: str
    signals: dict[str, str]
    publishing_interval_ms: int = 250
    sampling_interval_ms: int | None = None
    resync_s: float = 5.0
    timeout_s: float = 4.0
    username: str | None = None
    password_file: str | None = None
    plain_password: bool = False

    def __post_init__(self) -> None:
        """Refuse what can never work."""
        _require_url(self.url)
        _require("publishing_interval_ms", self.publishing_interval_ms, 10, 60_000)
        if self.sampling_interval_ms is not None:
            _require("sampling_interval_ms", self.sampling_interval_ms, 0, 60_000)
        _require("resync_s", self.resync_s, 0.1, 300)
        _require("timeout_s", self.timeout_s, 0.1, 60)
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file: expected a username beside it, got none")
        if not self.signals:
            raise ValueError("signals: expected at least one signal, got none")
        nodes(self.signals)

    @property
    def silence_s(self) -> float:
        """How long the readings may be silent before the link is taken for dead."""
        return 2 * self.resync_s + 5 * self.timeout_s

    @property
    def longest_pause_s(self) -> float:
        """How long to wait at most before a server that is away is tried again.

        With an attempt that fails meanwhile, closing it, and the first values, 15 s are not exceeded.
        """
        return 5.0


def nodes(signals: dict[str, str]) -> dict[str, NodeName]:
    """Return the node of every signal; raises ValueError, as in `signals.parts: the index in 'ns=2;...`."""
    parsed: dict[str, NodeName] = {}
    for signal, text in signals.items():
        try:
            parsed[signal] = parse_node(text)
        except ValueError as error:
            raise ValueError(f"signals.{signal}: {error}") from None
    return parsed


def _require_url(url: str) -> None:
    form = "expected a URL like 'opc.tcp://192.168.0.10:4840'"
    try:
        parts = urlsplit(url)
        has_port = parts.port is not None
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise ValueError(f"url: {form}, got '{url}' ({error})") from None
    if "@" in parts.netloc:
        raise ValueError("url: put the user's name into username and the password into a password_file")
    if parts.scheme != "opc.tcp" or not parts.hostname or not has_port:
        raise ValueError(f"url: {form}, got '{url}'")


def _require(path: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ValueError(f"{path}: expected {lowest} to {highest}, got {value}")

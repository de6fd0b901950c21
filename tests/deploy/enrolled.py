"""An enrolled federation for tests: bundles made by the real command, a mosquitto with the shipped rules."""

import contextlib
import itertools
import os
import signal
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract.tls import TlsFiles, client_context
from aggregator.__main__ import main
from tests.stack import free_port, listens, wait_until

FEDERATION = "higashimachi"
SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto"
PLACE = "/etc/mosquitto/machikoba"


class Federation:
    """An authority in `folder`, and the folders of everybody who is enrolled there."""

    def __init__(self, folder: Path, name: str = FEDERATION) -> None:
        self.folder = folder
        self._common = ["--federation", name, "--data", str(folder / "data")]

    def enroll(self, *words: str) -> int:
        """Run `machikoba enroll`; return its exit code."""
        return main(["enroll", *words, *self._common])

    def enrolled(self, who: str, *words: str) -> Path:
        """Return the folder of a factory, of `--aggregator`, or of `--broker` with its hosts."""
        place = self.folder / (who.lstrip("-") + "-kit")
        assert self.enroll(who, *words, "--out", str(place)) == 0
        return place


def files_of(kit: Path) -> TlsFiles:
    """Return the files of a bundle."""
    (key,) = kit.glob("*.key")
    return TlsFiles(kit / "ca.crt", key.with_suffix(".crt"), key)


class GuardedBroker:
    """A mosquitto on loopback with the shipped settings; only the port and the places of files differ."""

    def __init__(self, folder: Path, kit: Path) -> None:
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        self._settings = folder / "mosquitto.conf"
        text = (SHIPPED / "mosquitto.conf").read_text("utf-8")
        text = text.replace("listener 8883", f"listener {self.port} 127.0.0.1")
        text = text.replace(f"{PLACE}/acl", str(SHIPPED / "acl")).replace(PLACE, str(kit))
        user = "user root\n" if os.geteuid() == 0 else ""
        self._settings.write_text(user + text, "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            command = ["/usr/sbin/mosquitto", "-c", str(self._settings)]
            process = self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: process.poll() is not None or listens(self.port), "the broker listens")
        assert process.poll() is None, self.log()

    def log(self) -> str:
        """Return what it has said."""
        return self._log.read_text("utf-8", "replace")

    def reload(self) -> None:
        """Let it read the list of revoked certificates anew, soon."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def guarded(folder: Path, kit: Path) -> Iterator[GuardedBroker]:
    """Run the shipped broker with the files of its bundle."""
    broker = GuardedBroker(folder, kit)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


_names = itertools.count()


class Line:
    """A connection with a bundle's certificate, over paho; `heard` holds topic and payload in order."""

    def __init__(
        self,
        port: int,
        files: TlsFiles | ssl.SSLContext,
        *,
        name: str | None = None,
        v5: bool = False,
        keeps_session: bool = False,
        will: str | None = None,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.is_up = False
        self.refused: object = None
        self.downs = 0
        self.granted: list[Any] = []
        self._acknowledged: set[int] = set()
        self._lock = threading.Lock()
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            name or f"line-{next(_names)}",
            clean_session=None if v5 else not keeps_session,
            protocol=MQTTv5 if v5 else MQTTv311,
        )
        client.tls_set_context(client_context(files) if isinstance(files, TlsFiles) else files)
        if will is not None:
            client.will_set(will, b"will", qos=1)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self.granted.append(codes)
        client.on_publish = lambda _c, _u, mid, *_: self._acknowledged.add(mid)
        client.connect("127.0.0.1", port, keepalive=60)
        client.loop_start()

    def up(self) -> "Line":
        """Wait until the broker lets us in."""
        wait_until(lambda: self.is_up, "the broker lets us in", 30)
        return self

    def subscribe(self, *topics: str) -> "Line":
        """Subscribe and wait for the answer, whatever it is."""
        before = len(self.granted)
        self._client.subscribe([(topic, 1) for topic in topics])
        wait_until(lambda: len(self.granted) > before, "the broker answers", 30)
        return self

    def publish(self, topic: str, payload: bytes = b"forged", *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait until the broker has had it, or has thrown us out."""
        downs = self.downs
        sent = self._client.publish(topic, payload, 1, retain)
        wait_until(lambda: sent.mid in self._acknowledged or self.downs > downs, "the broker has had it", 30)
        wait_until(lambda: self.is_up, "the line is there", 30)

    def has(self, topic: str, payload: bytes) -> bool:
        """Tell whether this was heard."""
        with self._lock:
            return (topic, payload) in self.heard

    def topics(self) -> set[str]:
        """Return what topics were heard."""
        with self._lock:
            return {topic for topic, _ in self.heard}

    def vanish(self) -> None:
        """Cut the line: the broker sends the will."""
        socket = self._client.socket()
        assert socket is not None
        self._client.loop_stop()
        socket.close()

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, _client: Client, _data: object, _flags: object, code: Any, _p: object) -> None:
        self.is_up, self.refused = not code.is_failure, code if code.is_failure else None

    def _on_disconnect(self, *_: object) -> None:
        self.is_up = False
        self.downs += 1

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._lock:
            self.heard.append((message.topic, bytes(message.payload)))

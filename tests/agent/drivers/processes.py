"""Protocol servers as processes of their own, so that a test can freeze, kill and restart them."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

PEERS = Path(__file__).parents[2] / "peers"


class Peer:
    """A running server that printed its port when it was ready."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self._process = process
        self.port = port

    def tell(self, **order: object) -> None:
        """Send one order as a line of JSON."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does; its connections stay."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def running(command: Sequence[str | Path]) -> Iterator[Peer]:
    """Start a server and wait for its port; kills it in the end."""
    with subprocess.Popen(
        command, cwd=PEERS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield Peer(process, int(process.stdout.readline()))
        finally:
            process.kill()


@contextlib.contextmanager
def node_opcua(folder: Path, port: int = 0, *namespaces: str) -> Iterator[Peer]:
    """Start the OPC UA server of tests/peers; `folder` holds its certificates."""
    with running(["node", "opcua_server.js", folder, str(port), *namespaces]) as peer:
        yield peer


def compiled(source: str, folder: Path, package: str) -> Path:
    """Compile a C peer against a library that pkg-config knows; returns the program."""
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", package], check=True, capture_output=True, text=True
    ).stdout.split()
    program = folder / Path(source).stem
    subprocess.run(["gcc", "-Wall", "-o", program, PEERS / source, *flags, "-lpthread"], check=True)
    return program

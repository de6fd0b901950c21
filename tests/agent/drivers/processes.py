"""Protocol servers as processes of their own, so that a test can freeze, kill and restart them."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

PEERS = Path(__file__).parents[2] / "peers"


@contextlib.contextmanager
def running(command: Sequence[str | Path]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a server that prints a line when it is ready; yields the process and the line, then kills it."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def compiled(source: str, folder: Path, package: str) -> Path:
    """Compile a C peer against a library that pkg-config knows; returns the program."""
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", package], check=True, capture_output=True, text=True
    ).stdout.split()
    program = folder / Path(source).stem
    subprocess.run(["gcc", "-Wall", "-o", program, PEERS / source, *flags, "-lpthread"], check=True)
    return program

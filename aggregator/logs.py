"""What long-running commands log: our own events, and of libraries only what is wrong."""

import logging
import sys

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_to_stderr() -> None:
    """Begin to log; to be called once, by a command."""
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT, stream=sys.stderr)
    logging.getLogger("aggregator").setLevel(logging.INFO)

"""What the commands log: our own events, of libraries what is grave; at `debug` all they say but secrets."""

import logging
import re
import sys

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
CHATTY = ("asyncua", "pymodbus")
"""Libraries that tell every request; what matters of it we log ourselves."""
_SIGN_IN = "ActivateSessionRequest"
"""asyncua tells its requests whole: this one holds the password, and all hold the session's secret."""
_SESSION = re.compile(r"(AuthenticationToken=)NodeId\((?:[^()<>]|<[^>]*>)*\)")


def log_to_stderr(level: str) -> None:
    """Begin to log; to be called once, by a command."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    handler.addFilter(without_secrets if level == "debug" else _is_ours_or_grave)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    if level != "debug":
        for library in CHATTY:
            logging.getLogger(library).setLevel(logging.WARNING)


def without_secrets(record: logging.LogRecord) -> bool:
    """Take what is secret out of a library's line; it is told all the same."""
    if _library_of(record) == "asyncua":
        text = record.getMessage()
        before, found, _ = text.partition(_SIGN_IN)
        record.msg = f"{before}{found}(…)" if found else _SESSION.sub(r"\1…", text)
        record.args = None
    return True


def _is_ours_or_grave(record: logging.LogRecord) -> bool:
    # Libraries tell every attempt; what people need to know of it, the links and the publisher say.
    return _library_of(record) == "agent" or record.levelno >= logging.ERROR


def _library_of(record: logging.LogRecord) -> str:
    return record.name.partition(".")[0]

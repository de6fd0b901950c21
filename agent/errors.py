"""The agent's errors, sorted by what the caller must do.

AgentError
├── ConfigError   never works: tell the person, exit
├── LinkError     try again later: the machine or the broker cannot be reached
└── OutboxError   the outbox on disk cannot be used
"""


class AgentError(Exception):
    """One sentence for the person at the machine: what is wrong, where, and what to do."""


class ConfigError(AgentError):
    """The configuration can never work as it stands; the message begins with the place in the file."""


class LinkError(AgentError):
    """A machine or server cannot be reached or read now; whoever called tries again after a pause."""


class OutboxError(AgentError):
    """The outbox file cannot be opened, read or written."""

"""The agent's errors, sorted by what the caller must do.

AgentError
├── ConfigError   never works: tell the person, exit
├── LinkError     try again later: the machine or the broker cannot be reached
└── OutboxError   the outbox on disk cannot be used
    ├── OutboxDamaged     not before it is recovered: what can still be read of it
    └── OutboxDiskError   perhaps later: the disk is full, read-only or fails
"""


class AgentError(Exception):
    """One sentence for the person at the machine: what is wrong, where, and what to do."""


class ConfigError(AgentError):
    """The configuration can never work as it stands; the message begins with the place in the file."""


class LinkError(AgentError):
    """A machine or server cannot be reached or read now; whoever called tries again after a pause."""


class OutboxError(AgentError):
    """The outbox file cannot be opened, read or written."""


class OutboxDamaged(OutboxError):
    """The outbox file is torn or corrupted: `Outbox.recover` makes a new one of what can be read."""


class OutboxDiskError(OutboxError):
    """The disk under the outbox is full, read-only or fails; live values need no disk, so they go on."""

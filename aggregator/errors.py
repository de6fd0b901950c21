"""The aggregator's errors that end a command, each one sentence for the person who runs it."""


class AggregatorError(Exception):
    """What is wrong, where, and what to do; commands print it and exit with 1."""


class ConfigError(AggregatorError):
    """A setting can never work as it stands; the message begins with its name."""

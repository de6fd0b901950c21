"""The tables of the embedded database, for SQLite and PostgreSQL alike; migrations bring them about.

All times are UTC milliseconds since the epoch (`*_ms`). Windows and state changes name their machine by a
small number, the series, because there are millions of them.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from agent.contract.names import CYCLES_ALWAYS, SHARE_FULL
from agent.contract.states import STATES

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

STATE_COLUMNS: tuple[str, ...] = tuple(f"{state.lower()}_ms" for state in STATES)
"""Names of the columns that hold the milliseconds in each state, in the order of `STATES`."""


def _sums() -> list[Column[int]]:
    return [
        *(Column(name, BigInteger, nullable=False) for name in STATE_COLUMNS),
        Column("cycles", BigInteger, nullable=False),
        Column("good", BigInteger),
        Column("scrap", BigInteger),
    ]


factories = Table(
    "factories",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

machines = Table(
    "machines",
    metadata,
    Column("factory", Text, primary_key=True),
    Column("machine", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("process", Text),
    Column("trust", Text, nullable=False),
    Column("share", Text, nullable=False, server_default=SHARE_FULL),
    Column("counts", Text, nullable=False, server_default=CYCLES_ALWAYS),
)

# Up to which sequence each outbox (one epoch a file) is stored here without a gap.
delivery = Table(
    "delivery",
    metadata,
    Column("factory", Text, primary_key=True),
    Column("epoch", Text, primary_key=True),
    Column("stored_through", BigInteger, nullable=False),
)

# Rows that are no records: kept aside with the reason, and acknowledged, or they would block for ever.
refused_records = Table(
    "refused_records",
    metadata,
    Column("factory", Text, primary_key=True),
    Column("epoch", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("received_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("content", Text, nullable=False),  # the row as JSON
)

# Whole messages that were refused, the newest of them: their beginning, and why.
refused_messages = Table(
    "refused_messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("received_ms", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

# Of foreign machines, which are measured here: what measures each, and the records of its last batch (JSON).
foreign_memories = Table(
    "foreign_memories",
    metadata,
    Column("factory", Text, primary_key=True),
    Column("machine", Text, primary_key=True),
    Column("tracker", Text, nullable=False),
    Column("records", Text, nullable=False),
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("factory", Text, nullable=False),
    Column("machine", Text, nullable=False),
    UniqueConstraint("factory", "machine"),
)

windows = Table(
    "windows",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("length_ms", Integer, nullable=False),
    *_sums(),
    Column("cycles_total", BigInteger),
    Column("job", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Totals of the windows that start in the hour; kept in step with them in the same transaction.
hours = Table(
    "hours",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    *_sums(),
    sqlite_with_rowid=False,
)

state_changes = Table(
    "state_changes",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("state", SmallInteger, nullable=False),  # index in STATES
    Column("job", Text, nullable=False),
    sqlite_with_rowid=False,
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("factory", Text),
    Column("buyer", Text),
    Column("created_ms", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", Text, primary_key=True),
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("factory", Text),
    Column("buyer", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("scope", Text, nullable=False, server_default="all"),
)

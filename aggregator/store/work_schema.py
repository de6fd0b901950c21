"""The tables of work on orders: jobs' ledgers, hand-overs, links, consent, arrivals as told, alerts.

Times are UTC milliseconds (`*_ms`). Ledgers are append-only: what was wrong gets a later entry.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from aggregator.store.planning_schema import metadata

__all__ = ["metadata"]  # with all tables: this module adds to it

# Which machine works on which job, as people and programs told; `until_ms` and `released_ms` are set later.
assignments = Table(
    "assignments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("factory", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("job", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    Column("released_ms", BigInteger),
    Column("source", Text, nullable=False),
    Index(None, "factory", "machine"),
)

# Stretches of a machine's time whose jobs changed after windows of them may have been stored: `until_ms` null
# is up to now. Written with the change itself, so that no crash comes between; `done_ms` once the windows are
# tagged anew. The highest id tells whether anything changed, so that one is never deleted.
retaggings = Table(
    "retaggings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("factory", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    Column("done_ms", BigInteger, index=True),
)

job_events = Table(
    "job_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("machine", Text),
    Column("reason", Text),
    Column("request", Text, unique=True),  # so that what is asked for twice happens once
)

reports = Table(
    "reports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("good", BigInteger, nullable=False),
    Column("scrap", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text),
    Column("request", Text, unique=True),  # so that a form sent twice counts once
)

handovers = Table(
    "handovers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("from_job", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("to_job", Text, ForeignKey("jobs.id", ondelete="CASCADE"), index=True),  # null: to the buyer
    Column("sent", BigInteger, nullable=False),
    Column("sent_ms", BigInteger, nullable=False),
    Column("sent_by", Text, nullable=False),
    Column("accepted", BigInteger),
    Column("rejected", BigInteger),
    Column("received_ms", BigInteger),
    Column("received_by", Text),
    Column("request", Text, unique=True),
)

# Every form an order ever had; the newest one is `orders.draft`.
order_revisions = Table(
    "order_revisions",
    metadata,
    Column("order_id", Text, ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("draft", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text),
)

# Links of buyers, only the hash of the secret; one of order and buyer is set.
buyer_links = Table(
    "buyer_links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("order_id", Text, ForeignKey("orders.id", ondelete="CASCADE"), index=True),
    Column("buyer", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("seen_ms", BigInteger),
)

consents = Table(
    "consents",
    metadata,
    Column("factory", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("granted", Boolean, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
)

# Whose spare hours are told together as a band, by process and week; never another set for the same week.
band_groups = Table(
    "band_groups",
    metadata,
    Column("process", Text, primary_key=True),
    Column("week", Text, primary_key=True),
    Column("members", Text, nullable=False),  # a JSON list of factories
)

# The hours that a day's bands are made of: what moves during the day is told tomorrow. Only the newest stays.
band_days = Table(
    "band_days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
)

# The arrival as it was told: a row when the shown date changes, with the step and cause that changed it.
arrivals = Table(
    "arrivals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("p10_ms", BigInteger),
    Column("p50_ms", BigInteger),
    Column("p90_ms", BigInteger),
    *(Column(f"raw_{name}_ms", BigInteger) for name in ("p10", "p50", "p90")),  # before calibration
    Column("on_time", Float),
    Column("done", Float, nullable=False),  # share of the order (0 to 1)
    Column("step", Text),
    Column("cause", Text),
    Column("hours", Float),  # by so much that step and cause changed it
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("raised_ms", BigInteger, nullable=False),
    Column("late", Float, nullable=False),
    Column("step", Text),
    Column("cause", Text),
    Column("cleared_ms", BigInteger),
    Column("seen_ms", BigInteger),
    Column("seen_by", Text),
)

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert_id", Integer, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger),
    Column("failed", Text),
    UniqueConstraint("alert_id", "channel", "target"),
)

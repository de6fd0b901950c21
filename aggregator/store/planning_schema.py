"""The tables of planning: factories' profiles, measured days, orders and their jobs, and the audit log.

Documents are JSON texts, written and read whole by the module that owns the table. Times are UTC
milliseconds (`*_ms`), days are `date.toordinal()`, weeks read `2026-W48`.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text

from aggregator.store.schema import metadata

__all__ = ["metadata"]  # with all tables: this module adds to it

# What a factory says of itself: calendar, reserve, abilities, declared hours. `revision` counts changes.
factory_profiles = Table(
    "factory_profiles",
    metadata,
    Column("factory", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
)

# Time elements by machine and local day, made of windows and calendar; can be made again at any time.
machine_days = Table(
    "machine_days",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    *(
        Column(f"{name}_ms", BigInteger, nullable=False)
        for name in ("pbt", "apt", "aust", "adet", "adot", "unknown", "shared", "outside")
    ),
    Column("cycles", BigInteger, nullable=False),
    Column("good", BigInteger),
    Column("scrap", BigInteger),
    Column("running_ms", BigInteger, nullable=False),  # RUNNING at any hour: with `cycles`, the cycle time
    Column(
        "basis", BigInteger, nullable=False
    ),  # digest of all that the row was made of: tells what is stale
    sqlite_with_rowid=False,
)

# What machines did with a job's tag on, by machine and local day; made with `machine_days`.
job_days = Table(
    "job_days",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("job", Text, primary_key=True),
    Column("busy_ms", BigInteger, nullable=False),
    Column("cycles", BigInteger, nullable=False),
    Column("good", BigInteger),
    Column("scrap", BigInteger),
    *(  # within the machine's working time
        Column(f"open_{name}_ms", BigInteger, nullable=False, server_default="0")
        for name in ("running", "setup", "idle", "down", "stop", "offline")
    ),
    Column("plain_cycles", BigInteger),  # of windows that count no good pieces
    Column("plain_scrap", BigInteger),
    sqlite_with_rowid=False,
)

# `status`: draft, proposed, approved, rejected, cancelled, done. `draft` is the order as revised last.
orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("draft", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
)

# `status`: open, approved, rejected, replaced. `document` is the proposal, `basis` the capacity it rests on.
proposals = Table(
    "proposals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("decided_ms", BigInteger),
    Column("decided_by", Text),
    Column("reason", Text),
)

steps = Table(
    "steps",
    metadata,
    Column("order_id", Text, ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
    Column("step", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("process", Text, nullable=False),
    Column("document", Text, nullable=False),
)

# One step's quantity, or a lot of it, at one factory; `machine` is set when it is started. `machines` is a
# JSON list of those that can take it. `status`: planned, running, paused, done, cancelled.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("factory", Text, nullable=False, index=True),
    Column("process", Text, nullable=False),
    Column("pieces", BigInteger, nullable=False),
    Column("minutes", BigInteger, nullable=False),
    Column("pieces_per_cycle", Integer, nullable=False),
    Column("machines", Text, nullable=False),
    Column("machine", Text),
    Column("backup", Text),
    Column("status", Text, nullable=False),
    Column("planned_start", Integer),  # days of the plan when it was approved
    Column("planned_end", Integer),
)

# Machine time that jobs take of a cell, in whole minutes a week.
commitments = Table(
    "commitments",
    metadata,
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("week", Text, primary_key=True),
    Column("minutes", BigInteger, nullable=False),
)

# Append-only; `hash` covers the row and the hash of the row before.
audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

# Its newest row, so that rows missing at the end are found, too; both change in one transaction.
audit_end = Table(
    "audit_end",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    Column("hash", Text, nullable=False),
)

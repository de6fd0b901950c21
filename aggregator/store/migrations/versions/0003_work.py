"""Work on orders: jobs' ledgers, hand-overs, revisions, links of buyers, consent, arrivals, alerts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    _add_columns()
    _create_ledgers()
    _create_handovers()
    _create_faces()
    _create_arrivals()
    _create_messages()
    _create_bands()


def _add_columns() -> None:
    op.add_column("jobs", sa.Column("planned_start", sa.Integer(), nullable=True))
    op.add_column("jobs", sa.Column("planned_end", sa.Integer(), nullable=True))
    for name in ("running", "setup", "idle", "down", "stop", "offline"):
        column = sa.Column(f"open_{name}_ms", sa.BigInteger(), server_default="0", nullable=False)
        op.add_column("job_days", column)
    op.add_column("job_days", sa.Column("plain_cycles", sa.BigInteger(), nullable=True))
    op.add_column("job_days", sa.Column("plain_scrap", sa.BigInteger(), nullable=True))
    for name, usual in (("share", "full"), ("counts", "always")):
        told = sa.Column(name, sa.Text(), server_default=usual, nullable=False)
        op.add_column("machines", told)
    op.add_column("tokens", sa.Column("buyer", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("buyer", sa.Text(), nullable=True))


def _create_ledgers() -> None:
    op.create_table(
        "assignments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("factory", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("released_ms", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_assignments"),
    )
    op.create_index("ix_assignments_factory_machine", "assignments", ["factory", "machine"])
    op.create_table(
        "retaggings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("factory", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_retaggings"),
    )
    op.create_index("ix_retaggings_done_ms", "retaggings", ["done_ms"])
    op.create_table(
        "job_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_events_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_job_events"),
        sa.UniqueConstraint("request", name="uq_job_events_request"),
    )
    op.create_index("ix_job_events_job_id", "job_events", ["job_id"])
    op.create_table(
        "reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("good", sa.BigInteger(), nullable=False),
        sa.Column("scrap", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_reports_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.UniqueConstraint("request", name="uq_reports_request"),
    )
    op.create_index("ix_reports_job_id", "reports", ["job_id"])


def _create_handovers() -> None:
    op.create_table(
        "handovers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("from_job", sa.Text(), nullable=False),
        sa.Column("to_job", sa.Text(), nullable=True),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_by", sa.Text(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=True),
        sa.Column("rejected", sa.BigInteger(), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=True),
        sa.Column("received_by", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["from_job"], ["jobs.id"], name="fk_handovers_from_job", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name="fk_handovers_order_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["to_job"], ["jobs.id"], name="fk_handovers_to_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_handovers"),
        sa.UniqueConstraint("request", name="uq_handovers_request"),
    )
    op.create_index("ix_handovers_from_job", "handovers", ["from_job"])
    op.create_index("ix_handovers_order_id", "handovers", ["order_id"])
    op.create_index("ix_handovers_to_job", "handovers", ["to_job"])
    op.create_table(
        "order_revisions",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name="fk_order_revisions_order_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("order_id", "revision", name="pk_order_revisions"),
    )


def _create_faces() -> None:
    op.create_table(
        "buyer_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("buyer", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name="fk_buyer_links_order_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_buyer_links"),
        sa.UniqueConstraint("secret_hash", name="uq_buyer_links_secret_hash"),
    )
    op.create_index("ix_buyer_links_order_id", "buyer_links", ["order_id"])
    op.create_table(
        "consents",
        sa.Column("factory", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("factory", "field", name="pk_consents"),
    )


def _create_arrivals() -> None:
    op.create_table(
        "arrivals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("p10_ms", sa.BigInteger(), nullable=True),
        sa.Column("p50_ms", sa.BigInteger(), nullable=True),
        sa.Column("p90_ms", sa.BigInteger(), nullable=True),
        *(sa.Column(f"raw_{name}_ms", sa.BigInteger(), nullable=True) for name in ("p10", "p50", "p90")),
        sa.Column("on_time", sa.Float(), nullable=True),
        sa.Column("done", sa.Float(), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("hours", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_arrivals_order_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_arrivals"),
    )
    op.create_index("ix_arrivals_order_id", "arrivals", ["order_id"])
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Float(), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("cleared_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_alerts_order_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_order_id", "alerts", ["order_id"])


def _create_messages() -> None:
    op.create_table(
        "alert_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("failed", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name="fk_alert_messages_alert_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_alert_messages"),
        sa.UniqueConstraint(
            "alert_id", "channel", "target", name="uq_alert_messages_alert_id_channel_target"
        ),
    )


def _create_bands() -> None:
    op.create_table(
        "band_groups",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("process", "week", name="pk_band_groups"),
    )
    op.create_table(
        "band_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_band_days"),
    )

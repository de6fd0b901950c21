"""Walls: an audit log that only grows, and whose end is known; scopes of tokens; messages kept aside."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_POSTGRESQL = """
CREATE FUNCTION machikoba_audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log only grows';
END $$;
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION machikoba_audit_only_grows();
"""
_SQLITE = """
CREATE TRIGGER audit_only_grows_{what} BEFORE {what} ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log only grows');
END
"""


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("tokens", sa.Column("scope", sa.Text(), server_default="all", nullable=False))
    op.create_table(
        "refused_messages",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_refused_messages"),
    )
    op.create_table(
        "audit_end",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_end"),
    )
    newest = "SELECT 1, sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1"
    op.execute(f"INSERT INTO audit_end (id, sequence, hash) {newest}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL)
    else:
        for what in ("UPDATE", "DELETE"):
            op.execute(_SQLITE.format(what=what))

"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "budgets",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.String(length=10), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_budgets"),
    )
    op.create_table(
        "endpoints",
        sa.Column("service", sa.String(length=40), nullable=False),
        sa.Column("endpoint", sa.String(length=500), nullable=False),
        sa.Column("server", sa.String(length=300), server_default="", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_owner", sa.String(length=200), server_default="", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("service", "endpoint", name="pk_endpoints"),
    )
    op.create_table(
        "jobs",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=40), server_default="", nullable=False),
        sa.Column("endpoint", sa.String(length=500), server_default="", nullable=False),
        sa.Column("server", sa.String(length=300), server_default="", nullable=False),
        sa.Column("process", sa.String(length=300), server_default="", nullable=False),
        sa.Column("run_key", sa.String(length=300), server_default="", nullable=False),
        sa.Column("fingerprint", sa.String(length=64), server_default="", nullable=False),
        sa.Column("label", sa.String(length=300), server_default="", nullable=False),
        sa.Column("who", sa.String(length=300), server_default="", nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("queued", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("phase", sa.String(length=20), server_default="", nullable=False),
        sa.Column("remote_id", sa.String(length=300), nullable=True),
        sa.Column("raw_status", sa.String(length=100), server_default="", nullable=False),
        sa.Column("progress", sa.Float(), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("credits", sa.Integer(), nullable=True),
        sa.Column("billing", sa.String(length=20), server_default="", nullable=False),
        sa.Column("document", sa.JSON(), nullable=True),
        sa.Column("seen_before", sa.JSON(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("watched", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("untold", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("wanted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("collect_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("collect_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("outputs", sa.JSON(), nullable=True),
        sa.Column("lease_owner", sa.String(length=200), server_default="", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_jobs"),
    )
    op.create_index("ix_jobs_endpoint_watched", "jobs", ["endpoint", "watched"])
    op.create_index("ix_jobs_fingerprint", "jobs", ["fingerprint"])
    op.create_index("ix_jobs_label", "jobs", ["label"])
    op.create_index("ix_jobs_remote_id", "jobs", ["remote_id"])
    op.create_index("ix_jobs_untold", "jobs", ["untold"])
    op.create_index("ix_jobs_wanted_collect_after", "jobs", ["wanted", "collect_after"])
    op.create_table(
        "reservations",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("budget", sa.String(length=200), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["budget"], ["budgets.name"], name="fk_reservations_budget"),
        sa.ForeignKeyConstraint(["key"], ["jobs.key"], name="fk_reservations_key"),
        sa.PrimaryKeyConstraint("key", "budget", name="pk_reservations"),
    )
    op.create_index("ix_reservations_budget_made_at", "reservations", ["budget", "made_at"])

"""Approvals."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of approvals, and say which jobs wait for one."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(300), server_default="", nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(20), server_default="", nullable=False),
        sa.Column("who", sa.String(300), server_default="", nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True)),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
    )
    op.create_index("ix_approvals_subject", "approvals", ["subject"])
    op.create_index("ix_approvals_state_until", "approvals", ["state", "until"])
    op.add_column("jobs", sa.Column("approval", sa.String(64), server_default="", nullable=False))
    op.create_index("ix_jobs_approval", "jobs", ["approval"])

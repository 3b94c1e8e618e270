"""What happened to a session, and which running program it belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add histories to sessions, and the table of running programs."""
    with op.batch_alter_table("sessions") as sessions:
        for name in ("connection", "rungs", "crashes"):
            # Rows of before need a value; new ones always bring theirs.
            sessions.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
        sessions.add_column(sa.Column("instance_id", sa.String(64), nullable=True))
    op.create_index("ix_sessions_instance_id", "sessions", ["instance_id"])
    op.create_table(
        "instances",
        sa.Column("instance_id", sa.String(64), nullable=False),
        sa.Column("machine", sa.String(200), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started_s", sa.Float(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", name="pk_instances"),
    )

"""How good an agent's photo is."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the score; agents of before get theirs when their avatar is built again."""
    with op.batch_alter_table("agents") as agents:
        agents.add_column(sa.Column("quality", sa.Float(), nullable=True))

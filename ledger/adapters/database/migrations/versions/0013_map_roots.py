"""A checkpoint has the root of its item map: empty for one of contracts that knew none."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    empty = sa.text("x''")
    op.add_column(
        "checkpoint",
        sa.Column("map_root", sa.LargeBinary(), nullable=False, server_default=empty),
    )


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

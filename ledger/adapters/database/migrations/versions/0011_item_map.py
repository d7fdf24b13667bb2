"""The item map of a log lies in tiles, as they were at each checkpoint from the last final one on."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "map_tile",
        sa.Column("log", sa.LargeBinary(), nullable=False),
        sa.Column("prefix", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("log", "prefix", "size"),
    )
    op.create_index("map_tile_version", "map_tile", ["log", "size"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

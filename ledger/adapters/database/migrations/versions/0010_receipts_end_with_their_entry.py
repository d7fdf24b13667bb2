"""A first receipt speaks of the tree that ends with its entry: no column need say which tree that was."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("entry", "receipt_size")


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

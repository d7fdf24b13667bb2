"""the form of the blind index"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Tokens are keyed: whoever opens the home makes them anew, and then writes down here under which form (services/reindexing.py).
    op.create_table('index_form',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

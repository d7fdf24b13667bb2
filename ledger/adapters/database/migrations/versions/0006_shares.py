"""who an item was shared with, and a look-up by holder"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('share',
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('statement', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('evidence', 'person')
    )
    op.create_index('ix_share_person', 'share', ['person'])
    op.create_index('ix_item_holder', 'item', ['holder'])


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

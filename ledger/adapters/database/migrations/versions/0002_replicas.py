"""replicas of items, and an index of open offers"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('holding',
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('node', sa.String(), nullable=False),
    sa.Column('cid', sa.LargeBinary(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('due', sa.BigInteger(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('proof', sa.BigInteger(), nullable=False),
    sa.Column('reads', sa.Integer(), nullable=False),
    sa.Column('place', sa.BigInteger(), nullable=False),
    sa.Column('seen', sa.String(), nullable=False),
    sa.Column('problem', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('evidence', 'node')
    )
    op.create_index('holding_due', 'holding', ['node', 'state', 'due'])
    op.create_index('holding_proof', 'holding', ['state', 'proof'])
    op.create_table('replication_target',
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('copies', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('evidence')
    )
    op.create_table('opening',
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('until', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('evidence')
    )
    op.create_index('ix_item_offer_to', 'item', ['offer_to'])


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

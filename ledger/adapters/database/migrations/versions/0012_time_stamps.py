"""tokens of time authorities, and revocation lists for them"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('time_stamp',
    sa.Column('imprint', sa.LargeBinary(), nullable=False),
    sa.Column('authority', sa.String(), nullable=False),
    sa.Column('log', sa.LargeBinary(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('time', sa.BigInteger(), nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('imprint', 'authority')
    )
    op.create_index('time_stamp_place', 'time_stamp', ['log', 'size'])
    op.create_index('time_stamp_time', 'time_stamp', ['time'])
    op.create_table('time_authority_list',
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('issued', sa.BigInteger(), nullable=False),
    sa.Column('crl', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('digest')
    )
    op.create_index('time_authority_list_issued', 'time_authority_list', ['issued'])


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

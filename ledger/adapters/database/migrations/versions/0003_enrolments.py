"""invitations and enrolments"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('enrolment',
    sa.Column('code', sa.LargeBinary(), nullable=False),
    sa.Column('roles', sa.String(), nullable=False),
    sa.Column('number', sa.LargeBinary(), nullable=False),
    sa.Column('inviter', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('expires', sa.BigInteger(), nullable=False),
    sa.Column('request', sa.LargeBinary(), nullable=False),
    sa.Column('certificate', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('code')
    )


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

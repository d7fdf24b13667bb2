"""handovers between agencies"""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('link',
    sa.Column('parent', sa.String(), nullable=False),
    sa.Column('child', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('parent', 'child', 'kind')
    )
    op.create_index('ix_link_child', 'link', ['child'])
    op.create_table('crossing',
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('giver', sa.String(), nullable=False),
    sa.Column('taker', sa.String(), nullable=False),
    sa.Column('offer', sa.LargeBinary(), nullable=False),
    sa.Column('offer_time', sa.BigInteger(), nullable=False),
    sa.Column('expires', sa.BigInteger(), nullable=False),
    sa.Column('outcome', sa.Integer(), nullable=False),
    sa.Column('outcome_digest', sa.LargeBinary(), nullable=False),
    sa.Column('time', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('sent', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('evidence', 'number')
    )
    op.create_index('crossing_state', 'crossing', ['state'])
    op.create_table('given',
    sa.Column('statement', sa.LargeBinary(), nullable=False),
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('agency', sa.String(), nullable=False),
    sa.Column('until', sa.BigInteger(), nullable=False),
    sa.Column('taken', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('statement')
    )
    op.create_index('ix_given_evidence', 'given', ['evidence'])
    op.create_index('ix_given_agency', 'given', ['agency'])
    op.create_table('erasure',
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('statement', sa.LargeBinary(), nullable=False),
    sa.Column('custodian', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('time', sa.BigInteger(), nullable=False),
    sa.Column('backups', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('evidence')
    )
    op.create_table('inherited',
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('evidence')
    )
    op.create_table('partner',
    sa.Column('agency', sa.String(), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('crl', sa.LargeBinary(), nullable=False),
    sa.Column('checked', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('agency')
    )
    op.create_table('partner_descriptor',
    sa.Column('agency', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('active_from', sa.BigInteger(), nullable=False),
    sa.Column('block', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('agency', 'version')
    )
    op.create_table('reading',
    sa.Column('statement', sa.LargeBinary(), nullable=False),
    sa.Column('pseudonym', sa.String(), nullable=False),
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('time', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('statement')
    )
    op.create_index('ix_reading_pseudonym', 'reading', ['pseudonym'])
    op.create_table('identity',
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('pseudonym', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('token')
    )
    op.create_index('ix_identity_pseudonym', 'identity', ['pseudonym'])
    op.create_table('alarm',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('pseudonym', sa.String(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('time', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('ix_alarm_time', 'alarm', ['time'])
    op.add_column('entry', sa.Column('void', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('item', sa.Column('holder', sa.String(), nullable=False, server_default=''))
    op.add_column('person', sa.Column('agency', sa.String(), nullable=False, server_default=''))
    # Places between two openings, for items that come from other agencies.
    op.execute('UPDATE item SET opened = opened * 65536')


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

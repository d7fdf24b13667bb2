"""tables of the first version"""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('blind_index',
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('evidence', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('token', 'evidence')
    )
    op.create_table('certificate',
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('der', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('digest')
    )
    op.create_table('chain_transaction',
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('nonce', sa.Integer(), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('hash')
    )
    op.create_table('challenge',
    sa.Column('nonce', sa.LargeBinary(), nullable=False),
    sa.Column('expires', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('nonce')
    )
    op.create_table('checkpoint',
    sa.Column('log', sa.LargeBinary(), nullable=False),
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('prev', sa.BigInteger(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('note', sa.LargeBinary(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('transaction', sa.LargeBinary(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('time', sa.BigInteger(), nullable=False),
    sa.Column('block', sa.BigInteger(), nullable=False),
    sa.Column('gas', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('log', 'size')
    )
    op.create_table('crl',
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('der', sa.LargeBinary(), nullable=False),
    sa.Column('issued', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('number')
    )
    op.create_table('descriptor',
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('active_from', sa.BigInteger(), nullable=False),
    sa.Column('block', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('version')
    )
    op.create_table('disclosure',
    sa.Column('document', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('document', 'digest')
    )
    op.create_table('document',
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('digest')
    )
    op.create_index(op.f('ix_document_evidence'), 'document', ['evidence'], unique=False)
    op.create_table('entry',
    sa.Column('log', sa.LargeBinary(), nullable=False),
    sa.Column('index', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('entry', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('effect', sa.String(), nullable=False),
    sa.Column('time', sa.BigInteger(), nullable=False),
    sa.Column('agency', sa.String(), nullable=False),
    sa.Column('certificate', sa.LargeBinary(), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.Column('receipt_size', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('log', 'index'),
    sa.UniqueConstraint('digest')
    )
    op.create_index('entry_item', 'entry', ['evidence', 'seq'], unique=False)
    op.create_table('grant',
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('scope', sa.String(), nullable=False),
    sa.Column('recipient', sa.LargeBinary(), nullable=False),
    sa.Column('binding', sa.LargeBinary(), nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('evidence', 'scope', 'recipient', 'binding')
    )
    op.create_index(op.f('ix_grant_recipient'), 'grant', ['recipient'], unique=False)
    op.create_table('item',
    sa.Column('evidence', sa.String(), nullable=False),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('ref', sa.LargeBinary(), nullable=False),
    sa.Column('custodian', sa.String(), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('head', sa.LargeBinary(), nullable=False),
    sa.Column('time', sa.BigInteger(), nullable=False),
    sa.Column('closed', sa.Boolean(), nullable=False),
    sa.Column('offer', sa.LargeBinary(), nullable=True),
    sa.Column('offer_to', sa.String(), nullable=True),
    sa.Column('offer_expires', sa.BigInteger(), nullable=True),
    sa.Column('offer_person', sa.String(), nullable=True),
    sa.Column('cid', sa.LargeBinary(), nullable=True),
    sa.Column('opener', sa.String(), nullable=False),
    sa.Column('opened', sa.BigInteger(), nullable=False),
    sa.Column('latest_log', sa.LargeBinary(), nullable=False),
    sa.Column('latest_index', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('evidence'),
    sa.UniqueConstraint('opened')
    )
    op.create_index(op.f('ix_item_opener'), 'item', ['opener'], unique=False)
    op.create_table('log',
    sa.Column('log', sa.LargeBinary(), nullable=False),
    sa.Column('agency', sa.String(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('frozen', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('log')
    )
    op.create_table('person',
    sa.Column('pseudonym', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('certificate', sa.LargeBinary(), nullable=False),
    sa.Column('hpke', sa.LargeBinary(), nullable=False),
    sa.Column('number', sa.LargeBinary(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('pseudonym')
    )
    op.create_table('session',
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('pseudonym', sa.String(), nullable=False),
    sa.Column('certificate', sa.LargeBinary(), nullable=False),
    sa.Column('expires', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('token')
    )
    op.create_table('tile',
    sa.Column('log', sa.LargeBinary(), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.Column('index', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('log', 'level', 'index')
    )


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

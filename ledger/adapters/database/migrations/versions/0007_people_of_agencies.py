"""a person is (agency, pseudonym)"""

import base64
import json
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

# One log an agency: its own people stood in these columns without their agency. Guests stood in `person` alone, each under a
# pseudonym that nobody else had there, and signed entries, which name their agency.
_HOME = '(SELECT agency FROM log LIMIT 1)'
_KNOWN = "(SELECT person.agency FROM person WHERE person.pseudonym = alarm.pseudonym AND person.agency <> '')"
_SIGNED = '(SELECT entry.agency FROM entry WHERE entry.digest = {}.statement)'


def upgrade() -> None:
    # Who was logged in did not say of which agency; a session lasts fifteen minutes.
    op.execute('DELETE FROM session')
    op.execute('ALTER TABLE session RENAME COLUMN pseudonym TO person')
    op.execute(f"UPDATE reading SET pseudonym = pseudonym || '@' || COALESCE({_SIGNED.format('reading')}, {_HOME})")
    op.execute(f"UPDATE alarm SET pseudonym = pseudonym || '@' || COALESCE({_KNOWN}, {_HOME})")
    op.execute(f"UPDATE identity SET pseudonym = pseudonym || '@' || {_HOME}")
    op.execute(f"UPDATE person SET pseudonym = pseudonym || '@' || CASE agency WHEN '' THEN {_HOME} ELSE agency END")
    op.execute(f"UPDATE enrolment SET inviter = inviter || '@' || {_HOME} WHERE inviter <> ''")
    for column in ('opener', 'holder'):
        op.execute(f"UPDATE item SET {column} = {column} || '@' || {_HOME} WHERE {column} <> ''")
    # "release" is a word of SQL.
    signed = _SIGNED.format('"release"')
    op.execute(
        f"""UPDATE "release" SET recipient = recipient || '@' || COALESCE({signed}, {_HOME})
        WHERE kind IN ('content', 'bundle', 'details')"""
    )
    for table in ('reading', 'identity'):
        op.drop_index(f'ix_{table}_pseudonym', table_name=table)
    for table in ('reading', 'alarm', 'identity', 'person'):
        op.execute(f'ALTER TABLE {table} RENAME COLUMN pseudonym TO person')
    for table in ('reading', 'identity'):
        op.create_index(f'ix_{table}_person', table, ['person'])
    op.execute('ALTER TABLE person DROP COLUMN kind')
    op.execute('ALTER TABLE person DROP COLUMN agency')
    # What somebody signed to join proves their keys; an enrolment forgets it after a week.
    empty = sa.text("X''" if op.get_bind().dialect.name == 'sqlite' else "''::bytea")
    for column in ('proof', 'custody'):
        op.add_column('person', sa.Column(column, sa.LargeBinary(), nullable=False, server_default=empty))
    op.execute(
        """UPDATE person SET proof = (SELECT request FROM enrolment WHERE enrolment.certificate = person.certificate LIMIT 1)
        WHERE certificate IN (SELECT certificate FROM enrolment WHERE state = 'approved')"""
    )
    _founders()
    op.create_table('custody_key',
    sa.Column('person', sa.String(), nullable=False),
    sa.Column('custody', sa.LargeBinary(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('by', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('person')
    )


def _founders() -> None:
    """Whoever founded the home is the first person written down, and has the custody key in the home's keyring."""
    bind = op.get_bind()
    newest = bind.exec_driver_sql('SELECT document FROM descriptor ORDER BY version DESC LIMIT 1').scalar()
    if newest is None or bind.dialect.name != 'sqlite':
        return
    custody = json.loads(newest)['custody']
    key = base64.urlsafe_b64decode(custody['key'] + '=' * (-len(custody['key']) % 4))
    digest = sha256(custody['kem'].encode() + b'\x00' + key).digest()
    bind.exec_driver_sql('UPDATE person SET custody = ? WHERE rowid = (SELECT MIN(rowid) FROM person)', (digest,))


def downgrade() -> None:
    raise NotImplementedError("evidence databases only move forward: restore a backup instead")

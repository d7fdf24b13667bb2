"""What an agency's database holds: each row written down once, and the unit of work over them.

A module for each aggregate: its rows, and the repository that hands them out. The adapter
``ledger/adapters/database`` fulfils the repositories over the tables that follow from the rows.

Everything that an event, a document or a grant says is sealed or public; rows keep in clear only
what lists and joins need (docs/design.md section 7).
"""

from ledger.rows.unit_of_work import Database, UnitOfWork

#: Whoever imports one row has all tables: those of a home are compared with one another.
__all__ = ["Database", "UnitOfWork"]

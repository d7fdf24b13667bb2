"""What the node's owner may do at the home itself, with passphrase and CA key, where no
administrator is left who would: after all of them lost their certificates, or after a thief of one
administrator's key suspended the others or took their role away.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from ledger.domain.errors import NotFoundError, UsageError
from ledger.rows.people import PersonRow

_ROLE: Final = "administrator"


def require_allowed(person: PersonRow, held: AbstractSet[str], given: AbstractSet[str]) -> None:
    """Check that a renewal at the home makes or leaves nobody anything but administrator.

    Args:
        held: the roles of the certificate that the person had last. given: those of the new one.

    Raises:
        UsageError: other roles are changed. NotFoundError: they are suspended, and would be no
            administrator.
    """
    if given != held and not (_ROLE in given and given <= held | {_ROLE}):
        raise UsageError(
            "roles are changed by an administrator who is logged in; at the home somebody is made "
            "administrator, and nothing else that they were not",
            hint="custody person renew WHO --role ROLE, without --at-home",
        )
    if not person.active and _ROLE not in given:
        raise NotFoundError(
            "that person is suspended",
            hint="an administrator invites them: custody person invite NUMBER",
        )

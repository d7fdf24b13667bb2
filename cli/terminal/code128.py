"""Code 128 (ISO/IEC 15417), set B: a line of printable ASCII as the widths of bars and gaps.

Written here, in a page: the one library of it that is small draws pictures besides. A test holds it
against that library's table, as it was read once.
"""

from __future__ import annotations

from typing import Final

from ledger.domain.errors import UsageError

_TABLE: Final = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132"
    "122231113222123122123221223211221132221231213212223112312131311222321122321221312212"
    "322112322211212123212321232121111323131123131321112313132113132311211313231113231311"
    "112133112331132131113123113321133121313121211331231131213113213311213131311123311321"
    "331121312113312311332111314111221411431111111224111422121124121421141122141221112214"
    "112412122114122411142112142211241211221114413111241112134111111242121142121241114212"
    "124112124211411212421112421211212141214121412121111143111341131141114113114311411113"
    "411311113141114131311141411131211412211214211232"
)
#: Widths of three bars and three gaps for each value, in their order.
PATTERNS: Final = tuple(_TABLE[at : at + 6] for at in range(0, len(_TABLE), 6))
_STOP: Final = "2331112"
_START_B: Final = 104
_CHECK: Final = 103


def widths(text: str) -> list[int]:
    """Widths of bars and gaps in modules, beginning and ending with a bar, without the quiet zone
    of ten modules on each side.

    Raises:
        UsageError: a character that set B has not, or nothing to write.
    """
    values = [ord(sign) - 32 for sign in text]
    if not values or any(not 0 <= value < 95 for value in values):
        raise UsageError(f"{text[:80]!r} cannot be a barcode", hint="printable ASCII can")
    weighted = sum(place * value for place, value in enumerate(values, start=1))
    check = (_START_B + weighted) % _CHECK
    spelled = [PATTERNS[value] for value in (_START_B, *values, check)]
    return [int(width) for width in "".join([*spelled, _STOP])]

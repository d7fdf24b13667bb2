"""The system clock."""

from __future__ import annotations

import time


class SystemClock:
    """Fulfils ports.Clock."""

    def now(self) -> int:
        """Seconds since 1970, UTC."""
        return int(time.time())

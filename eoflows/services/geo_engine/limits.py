"""Results that would not fit are refused before they are asked for."""

import os
from pathlib import Path

from eoflows.base.errors import InvalidInputError

__all__ = ["available_memory", "check_size"]

_SHARE = 0.8


def available_memory() -> int:
    """Bytes that a result may take: four fifths of what the machine has free."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return int(free * _SHARE)


def check_size(size: int, limit: int, what: str) -> None:
    """Refuse a size above a limit, both in bytes.

    Raises:
        InvalidInputError: It is above; the message has both numbers.
    """
    if size > limit:
        raise InvalidInputError(
            f"{what} would take {size / 2**20:,.0f} MiB and {limit / 2**20:,.0f} MiB are allowed; "
            "ask for less, stream into Zarr, or raise limit_bytes"
        )

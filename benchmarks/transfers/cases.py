"""What is downloaded, and what is expected of us."""

from dataclasses import dataclass

__all__ = [
    "ARIA",
    "CASES",
    "CURL",
    "CURL_SUMS",
    "MOST_RSS",
    "OURS",
    "PEER",
    "PEER_COMMAND",
    "PEER_ONE_ITEM",
    "SIZE_ONLY",
    "Case",
]

OURS, SIZE_ONLY = "eoflows: size and MD5", "eoflows: size"
PEER, PEER_ONE_ITEM = "stac-asset: an item per file", "stac-asset: one item with all files"
PEER_COMMAND, CURL = "stac-asset, the command", "curl --parallel"
ARIA, CURL_SUMS = "aria2c --checksum", "curl --parallel, then md5sum on two cores"
MOST_RSS = 150


@dataclass(frozen=True)
class Case:
    """So many files.

    Attributes:
        title: For the table.
        count: Files.
        size: Bytes of each.
        connections: At once, for us and for curl.
        delay: Whether each first byte comes after 50 ms.
        trials: Settings of stac-asset: downloads at once, and whether it streams; the fastest counts.
        times_peer: How many times as fast as stac-asset we should be.
        times_curl: The same for curl, or None.
    """

    title: str
    count: int
    size: int
    connections: int
    delay: bool
    trials: tuple[tuple[int, bool], ...]
    times_peer: float
    times_curl: float | None


_TRIALS = ((8, True), (32, True), (32, False), (500, True))
_SLOW_TRIALS = ((64, True), (64, False), (500, True))
CASES = {
    "small": Case("2,000 x 100 KB", 2000, 100_000, 32, False, _TRIALS, 4, 0.45),
    "large": Case("40 x 25 MB", 40, 25_000_000, 8, False, _TRIALS, 2, 0.45),
    "latency": Case("2,000 x 100 KB, 50 ms, 64 at once", 2000, 100_000, 64, True, _SLOW_TRIALS, 2, None),
}

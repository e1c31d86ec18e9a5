"""Why an archive is not unpacked."""

from dataclasses import dataclass

from eoflows.base.errors import InvalidInputError

__all__ = ["ArchiveError", "Where"]

_SHOWN = 120


class ArchiveError(InvalidInputError):
    """The archive must not, or cannot, be unpacked, and trying again will not help.

    Attributes:
        archive: Its name; for a nested one the way to it, `outer.zip > inner.tar`.
        member: The member that is the reason, or None if it is the archive itself.
        reason: Why, to be read after the names.
    """

    def __init__(self, archive: str, member: str | None, reason: str) -> None:
        self.archive, self.member, self.reason = archive, member, reason
        what = f"archive {_show(archive)}" + ("" if member is None else f", member {_show(member)}")
        super().__init__(f"{what}: {reason}; nothing of it was unpacked")


@dataclass(frozen=True)
class Where:
    """A place in an archive, for messages.

    Attributes:
        archive: Name of the archive, or the way to a nested one.
        member: Name of the member as the archive writes it, or None.
    """

    archive: str
    member: str | None = None

    def refused(self, reason: str) -> ArchiveError:
        """Give the error to raise."""
        return ArchiveError(self.archive, self.member, reason)

    def __str__(self) -> str:
        archive = _show(self.archive)
        return archive if self.member is None else f"member {_show(self.member)} of {archive}"


def _show(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")

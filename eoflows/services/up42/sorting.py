"""In which order jobs are listed."""

from dataclasses import dataclass, replace

__all__ = ["JobSorting", "SortingField"]


@dataclass(frozen=True)
class SortingField:
    """A field to sort by.

    Attributes:
        name: The service's name of the field.
        ascending: From small to large.

    Example:
        >>> str(JobSorting.credits), str(JobSorting.credits.asc)
        ('creditConsumption.credits,desc', 'creditConsumption.credits,asc')
    """

    name: str
    ascending: bool = True

    @property
    def asc(self) -> "SortingField":
        """The same field, from small to large."""
        return replace(self, ascending=True)

    @property
    def desc(self) -> "SortingField":
        """The same field, from large to small."""
        return replace(self, ascending=False)

    def __str__(self) -> str:
        return f"{self.name},{'asc' if self.ascending else 'desc'}"


class JobSorting:
    """The fields that jobs can be sorted by, each with its usual direction."""

    process_id = SortingField("processID")
    """Process; ascending."""
    status = SortingField("status", ascending=False)
    """Status; descending."""
    created = SortingField("created", ascending=False)
    """Date of creation; the latest first."""
    credits = SortingField("creditConsumption.credits", ascending=False)
    """Credits consumed; the most expensive first."""

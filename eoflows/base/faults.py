"""What pydantic found wrong with a document, in words."""

from pydantic import ValidationError

__all__ = ["faults_of"]


def faults_of(error: ValidationError, *, whole: str = "the document", most: int = 5) -> str:
    """Say where and what is wrong; the values stay out of it, since some are secrets.

    Args:
        error: What pydantic raised.
        whole: What to call the place of a fault that is in no field.
        most: Faults named at the most.
    """
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(map(str, fault['loc']))[:100] or whole}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in faults[:most]
    )

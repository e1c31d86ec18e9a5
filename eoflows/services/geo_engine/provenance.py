"""Where the data of a workflow come from, and how to cite them."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from eoflows.base.errors import ContractError

__all__ = ["Provenance", "ProvenanceEntry", "citations", "read_provenance"]


class Provenance(BaseModel):
    """How data are to be cited.

    Attributes:
        citation: Text to cite.
        license: Licence, or where it is.
        uri: Where the data are described.
    """

    model_config = ConfigDict(frozen=True)

    citation: str = ""
    license: str = ""
    uri: str = ""


class ProvenanceEntry(BaseModel):
    """One source and the data that come from it.

    Attributes:
        data: Ids of the data: of type `internal` with a `datasetId`, or `external` with `providerId` and
            `layerId`.
        provenance: How they are to be cited.
    """

    model_config = ConfigDict(frozen=True)

    data: tuple[dict[str, Any], ...]
    provenance: Provenance


def read_provenance(document: Any, *, url: str = "") -> list[ProvenanceEntry]:
    """Read the server's list.

    Raises:
        ContractError: It is none.
    """
    try:
        return [ProvenanceEntry.model_validate(entry) for entry in document]
    except (ValidationError, TypeError) as error:
        raise ContractError(f"the provenance cannot be read: {error}", url=url) from error


def citations(entries: Sequence[ProvenanceEntry]) -> dict[str, Any]:
    """Give provenance as the attributes of a stored raster: `references` by CF, `license`, and all of it."""
    sources = [entry.provenance for entry in entries]
    attrs: dict[str, Any] = {"provenance": [entry.model_dump(mode="json") for entry in entries]}
    texts = {
        "references": "\n".join(dict.fromkeys(one.citation for one in sources if one.citation)),
        "license": "\n".join(dict.fromkeys(one.license for one in sources if one.license)),
    }
    return attrs | {name: text for name, text in texts.items() if text}

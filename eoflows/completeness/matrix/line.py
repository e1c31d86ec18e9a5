"""What a matrix looks at: a collection of the catalogue, and what is expected to be in it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from eoflows.products.environment import AuxiliarySource

__all__ = ["MatrixLine"]


class MatrixLine(BaseModel):
    """A collection, and what a source publishes for it; a column for each of its product types."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    catalog_collection_identifier: str = Field(
        description="Collection in the catalogue, without its owner.", min_length=1
    )
    source: AuxiliarySource = Field(default=AuxiliarySource.AUXIP, description="Where it is published.")
    collections: list[str] = Field(
        default=[], description="Collections of the source; none is all that may be read, in one column."
    )
    product_types: list[str] = Field(
        default=[], description="Product types, a column each; none is all, in one column."
    )
    late_after_hours: Annotated[float, Field(ge=0)] = Field(
        default=24.0, description="A product that took longer to be published is late."
    )
    counted_from: Literal["processing:datetime", "end_datetime"] = Field(
        default="processing:datetime",
        description="From when that is counted: when the product was made, or the end of its validity or "
        "sensing. A product without this time is never late.",
    )

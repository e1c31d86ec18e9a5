"""When a product was made: what "latest created" means.

ESA's retrieval modes take the product "with the more recent Generation Date". A station's item says it
in up to four places, and not all of them are true:

1. **The name.** Earth Explorer, Sentinel-2 and Sentinel-3 names carry the creation time to the second. It
   travels with the product and is the same at every station.
2. `processing:datetime`, for names that carry none (MPL_ORBPRE, MPL_ORBSCT). Stations fill it from
   `processingDate`, often cut to the day.
3. `published`: when this station offered the product. A product offered again is not a newer product.
4. `created`. RS-Server's stations fill it from the start of the validity, while their filters and sorts of
   the same name use the publication: it is asked last.

The first that is there decides, for each product by itself: products of one type share a name grammar.
"""

import re
from datetime import datetime

from eoflows.base.times import OPEN_START, parse_utc
from eoflows.stores.stac.items import ItemDict

__all__ = ["generation"]

_TIME = r"(\d{8}T\d{6})"
_NAMES = (
    # S1A_OPER_AUX_POEORB_OPOD_<generation>_V<start>_<stop>.EOF, S2__OPER_AUX_ECMWFD_ADG__...
    re.compile(rf"^S\d._[A-Z]{{4}}_\w+?_{_TIME}_V\d{{8}}T\d{{6}}_\d{{8}}T\d{{6}}(?:\W|_|$)"),
    # S1A_AUX_PP2_V<start>_G<generation>.SAFE
    re.compile(rf"^S\d._AUX_\w+?_V\d{{8}}T\d{{6}}_G{_TIME}(?:\W|$)"),
    # S3A_AX___OSF_AX_<start>_<stop>_<generation>_...
    re.compile(rf"^S3._\w{{11}}_\d{{8}}T\d{{6}}_\d{{8}}T\d{{6}}_{_TIME}_"),
)
_PROPERTIES = ("processing:datetime", "published", "created")


def generation(item: ItemDict) -> tuple[datetime, str]:
    """Tell when a product was made, and where that is written.

    Returns:
        Aware UTC, and `name` or the property; `OPEN_START` and `nowhere` if nothing tells it, so that
        such a product counts as the oldest.

    Raises:
        InvalidInputError: The time is no time.
    """
    for grammar in _NAMES:
        found = grammar.match(item["id"])
        if found:
            return parse_utc(found[1]), "name"
    for name in _PROPERTIES:
        value = item["properties"].get(name)
        if value:
            return parse_utc(str(value)), name
    return OPEN_START, "nowhere"

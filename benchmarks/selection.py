"""What each selection policy costs over 100,000 products that all compete: seconds and memory.

    python -m benchmarks.selection [--products 100000] [--json]

The products come in pages of 1,000, as from a station, and are made anew for each page: the memory is what
the choice itself keeps. Times are without that of making the products.
"""

import argparse
import json
import math
import random
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from eoflows.base.times import Interval, format_utc
from eoflows.products.selection import POLICIES, Look, PolicyName, Selection, Wanted

_PAGE = 1000
_START = datetime(2025, 8, 1, tzinfo=UTC)
_ASKED = Interval(_START, _START + timedelta(minutes=5))
_YEAR = 365 * 86_400


def pages(products: int) -> Iterator[list[dict[str, Any]]]:
    """Give products that cover the interval; 30 of them share each validity and differ in age."""
    chance = random.Random(7)
    for first in range(0, products, _PAGE):
        yield [_product(number, chance) for number in range(first, min(first + _PAGE, products))]


def _product(number: int, chance: random.Random) -> dict[str, Any]:
    shared = number // 30
    start = _START - timedelta(seconds=1 + shared * 7919 % _YEAR)
    end = _ASKED.end + timedelta(seconds=1 + shared * 104_729 % _YEAR)
    made = _START + timedelta(seconds=chance.randrange(_YEAR))
    name = f"S1A_OPER_AUX_POEORB_OPOD_{made:%Y%m%dT%H%M%S}_V{start:%Y%m%dT%H%M%S}_{end:%Y%m%dT%H%M%S}"
    properties = {
        "product:type": "AUX_POEORB",
        "platform": "sentinel-1a",
        "start_datetime": format_utc(start),
        "end_datetime": format_utc(end),
        "created": format_utc(start),
        "published": format_utc(made),
    }
    return {"id": f"{name}_{number:07}", "collection": "s1-aux", "properties": properties, "assets": {}}


def measure(policy: PolicyName, products: int) -> dict[str, Any]:
    """Run a policy twice: for its seconds, and for its peak of memory."""
    look = Look(math.inf, math.inf) if POLICIES[policy].look else None
    wanted = Wanted("AUX_POEORB", _ASKED, policy=policy, margin_before=0.5, look=look)
    seconds, chosen = _choose(wanted, products)
    tracemalloc.start()
    _choose(wanted, products)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "policy": str(policy),
        "products": products,
        "chosen": chosen,
        "seconds": round(seconds, 3),
        "microseconds per product": round(seconds / products * 1e6, 1),
        "peak MB": round(peak / 1e6, 1),
    }


def _choose(wanted: Wanted, products: int) -> tuple[float, int]:
    selection, chosen, spent = Selection(wanted), 0, 0.0
    for page in pages(products):
        started = time.perf_counter()
        chosen += sum(bool(verdict and verdict[0]) for verdict in map(selection.judge, page))
        spent += time.perf_counter() - started
    started = time.perf_counter()
    chosen += len(selection.settle()[0])
    return spent + time.perf_counter() - started, chosen


def main() -> None:
    """Print a row per policy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selection", description=__doc__)
    parser.add_argument("--products", type=int, default=100_000, help="how many products compete")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    given = parser.parse_args()
    for policy in PolicyName:
        row = measure(policy, given.products)
        if given.json:
            sys.stdout.write(json.dumps(row) + "\n")
        else:
            sys.stdout.write("  ".join(f"{name}: {value}" for name, value in row.items()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

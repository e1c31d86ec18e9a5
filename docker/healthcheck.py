"""Tells by its exit code whether a service is well: 0 or 1.

python docker/healthcheck.py http://127.0.0.1:4200/api/health     an address that must answer 200
python docker/healthcheck.py services                             Prefect's background services
"""

import os
import sys
import time
import urllib.error
import urllib.request

SECONDS = 5.0
LATEST_SECONDS = 30.0
"""Prefect's services sign on in Redis every two seconds."""

SIGNED_ON = "prefect:workers"


def address(url: str) -> str | None:
    """Ask an address; returns what is wrong, or None."""
    try:
        # A proxy is never between a container and itself.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=SECONDS) as answer:
            return None if answer.status == 200 else f"{url} answered {answer.status}"
    except (urllib.error.URLError, OSError) as error:
        return f"{url}: {error}"


def services() -> str | None:
    """Look when Prefect's background services last signed on; returns what is wrong, or None."""
    import redis  # noqa: PLC0415

    try:
        with redis.Redis.from_url(os.environ["PREFECT_SERVER_DOCKET_URL"], socket_timeout=SECONDS) as server:
            latest = server.zrevrange(SIGNED_ON, 0, 0, withscores=True)
    except redis.RedisError as error:
        return f"Redis: {error}"
    if not latest:
        return "no service has signed on"
    age = time.time() - latest[0][1]
    return None if age < LATEST_SECONDS else f"the last sign of the services is {age:.0f} s old"


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)
    fault = services() if what == "services" else address(what)
    if fault is not None:
        sys.exit(fault)

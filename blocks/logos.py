"""Where the pictures of the blocks are.

Prefect accepts only http(s) addresses. `python -m eoflows.deployments.register --logos URL` registers the
blocks with the pictures of this package served from URL, so that they also show without internet.
"""

from pydantic import HttpUrl

__all__ = ["PUBLIC", "logo"]

PUBLIC = "https://raw.githubusercontent.com/eoflows/eoflows/main/blocks/logos/"


def logo(name: str, base: str = PUBLIC) -> HttpUrl:
    """Give the address of `blocks/logos/{name}.png`."""
    return HttpUrl(f"{base.rstrip('/')}/{name}.png")

"""Link headers (RFC 8288), and the job id in an address."""

import re
from collections.abc import Iterable
from urllib.parse import unquote, urljoin, urlsplit

from eoflows.services.ogc_processes.models import Link

__all__ = ["header_links", "job_id_in", "resolved"]

_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^\s,;="]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s,;"]*))?)*)')
_PARAMETER = re.compile(r';\s*([^\s,;="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*))')


def header_links(values: Iterable[str], base: str) -> list[Link]:
    """Read Link headers in their order; addresses are resolved against the document's."""
    found = []
    for value in values:
        for href, parameters in _LINK.findall(value):
            fields = {
                name.lower(): (quoted or plain) for name, quoted, plain in _PARAMETER.findall(parameters)
            }
            known = {name: fields[name] for name in ("rel", "type", "hreflang", "title") if fields.get(name)}
            if href.strip():
                found.append(Link(href=resolved(href.strip(), base), **known))
    return found


def resolved(href: str, base: str) -> str:
    """Make an address absolute; one that cannot be is left as it is."""
    try:
        return urljoin(base, href)
    except ValueError:
        return href


def job_id_in(address: str) -> str | None:
    """Read the job's id from the address of its status, whatever host and path a server writes.

    The segment after the last `jobs`, else the last one.
    """
    try:
        segments = [part for part in urlsplit(address.strip()).path.split("/") if part]
    except ValueError:
        return None
    if "jobs" in segments:
        place = len(segments) - 1 - segments[::-1].index("jobs")
        segments = segments[place + 1 : place + 2]
    found = unquote(segments[-1]).strip() if segments else ""
    return None if found in ("", ".", "..") else found

"""A public name means one thing: it is defined once."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("eoflows", "tasks", "flows", "blocks", "deployments")

DOCUMENTED = {"Capabilities", "Job", "JobRecord", "JobResults", "Provenance", "TileGrid"}
"""Names that reference documents of several services set."""

FACES = {
    *("EarthEngineProject", "LocalCatalog", "ObjectStorage", "PreArdStore", "S3Bucket", "TileGrid"),
    *("demo", "deploy", "up", "upgrade", "main"),
    *("resolve_job", "resubmit_lost", "set_budget", "tidy", "expire", "collected", "job_server"),
}
"""The same thing at two heights: a block and what it opens, a command or a flow and what it calls."""

STILL_TWICE = {
    *("Database", "Execution", "Finding", "Frame", "Link", "Look", "Order", "Origin", "Outcome", "Output"),
    *(
        "Pace",
        "Failure",
        "Scene",
        "SearchRequest",
        "StoredObject",
        "Wanted",
        "Session",
        "Source",
        "Standing",
        "Step",
        "Verdict",
        "Versioned",
    ),
    *(
        "Page",
        "apply",
        "carry_out",
        "check_name",
        "checked",
        "current",
        "follow",
        "known_item",
        "next_url",
        "outputs_of",
    ),
    *(
        "place",
        "plain",
        "plan",
        "read_job",
        "read_jobs",
        "read_page",
        "show",
        "status_of",
        "validity",
        "watched",
    ),
}
"""Names that are still to be told apart. None is added here."""


def _sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from (
            path
            for path in (ROOT / room).rglob("*.py")
            if room != "eoflows" or not any(parent.is_symlink() for parent in path.parents)
        )


def _public(path: Path) -> set[str]:
    """Names of classes and functions that a module defines and lists."""
    body = ast.parse(path.read_text()).body
    listed = [
        ast.literal_eval(node.value)
        for node in body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    defined = {node.name for node in body if isinstance(node, kinds)}
    return defined & set(listed[0]) if listed else set()


def test_each_public_name_is_defined_once() -> None:
    homes = defaultdict(list)
    for path in _sources():
        for name in _public(path):
            homes[name].append(str(path.relative_to(ROOT)))
    assert len(homes) > 1000
    twice = {name: sorted(found) for name, found in homes.items() if len(found) > 1}
    unknown = twice.keys() - DOCUMENTED - FACES - STILL_TWICE
    assert {name: twice[name] for name in unknown} == {}, "docs/words.md: give one of them another name"

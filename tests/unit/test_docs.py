"""What the pages say holds: links lead somewhere, deployments and commands exist, examples are valid."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)
OWN = ("eoflows",)
OTHERS = {"pip", "pytest", "venv"}
"""Modules of others that a page runs."""
BLOCKS = ROOT / "eoflows" / "blocks"
"""What `prefect block register -m` takes, which runs nothing."""
MADE = {"docker/.env"}
"""Files that a user writes."""
EVENTS = {"eoflows.incident.begun", "eoflows.incident.over", "eoflows.jobs.finished", "eoflows.jobs.lost"}
FOLDERS = [
    "benchmarks",
    "blocks",
    "deployments",
    "docker",
    "docs",
    "eoflows",
    "flows",
    "sandbox",
    "tasks",
    "tests",
]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def examples(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    local = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if link and not (page.parent / link).exists()] == []
    inner = [link.partition("#") for link in links if "#" in link and not re.match(r"[a-z]+:", link)]
    assert [part for to, _, part in inner if part not in headings(page.parent / to if to else page)] == []


def headings(page: Path) -> set[str]:
    """The parts of a page, as links name them."""
    titles = re.findall(r"^#+ (.*)", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_index_names_every_page() -> None:
    docs = ROOT / "docs"
    linked = set(re.findall(r"\]\(([^)#\s]+)", (docs / "README.md").read_text()))
    pages = {str(page.relative_to(docs)) for page in docs.glob("*.md")} - {"README.md"}
    assert pages - linked == set()


@each_page
def test_deployments_exist(page: Path) -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    known = {(str(pkgutil.resolve_name(one["entrypoint"]).name), one["name"]) for one in deployments}
    named = re.findall(r"deployment run '?([a-z0-9-]+)/([a-z-]+)", page.read_text())
    assert [one for one in named if one not in known] == []


@each_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), flags=re.MULTILINE)) - targets == set()


@each_page
def test_modules_that_are_run_exist(page: Path) -> None:
    named = set(re.findall(r" -m ([a-z][\w.]*\w)", page.read_text())) - OTHERS
    paths = [ROOT / name.replace(".", "/") for name in named]
    missing = [
        path
        for path in paths
        if not (path.with_suffix(".py").exists() or (path / "__main__.py").exists() or path == BLOCKS)
    ]
    assert missing == []


@each_page
def test_names_and_files_of_ours_exist(page: Path) -> None:
    names = re.findall(r"`(eoflows(?:\.\w+)+)", page.read_text())
    assert [name for name in names if not (name in EVENTS or is_there(name))] == []
    paths = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]*)`", page.read_text())
    assert [path for path in paths if path not in MADE and not (ROOT / path).exists()] == []


def is_there(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_names_of_ours_in_docstrings_and_comments_exist() -> None:
    sources = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    named = {name for path in sources for name in re.findall(r"`(eoflows(?:\.\w+)+)", path.read_text())}
    assert sorted(name for name in named if not (name in EVENTS or is_there(name))) == []
    assert len(named) > 10


@each_page
def test_examples_are_valid(page: Path) -> None:
    for example in examples(page, "python"):
        tree = compile(example, str(page), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in OWN:
                module = importlib.import_module(str(node.module))
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []
    for example in examples(page, "ya?ml"):
        yaml.safe_load(example)


def test_the_worked_example_of_a_service_reads_its_answers() -> None:
    import httpx

    (example,) = examples(ROOT / "docs" / "adding_a_service.md", "python")
    names: dict[str, object] = {}
    exec(compile(example, "adding_a_service.md", "exec"), names)
    service = names["EchoService"]("http://echo.example")  # type: ignore[operator]
    call = service.submission(names["EchoRequest"](text="hello"), "token")  # type: ignore[operator]
    assert (call.method, call.url, call.json) == ("POST", "http://echo.example/jobs", {"text": "hello"})
    state = service.read_submission(httpx.Response(200, json={"id": "7", "status": "done"}))
    assert (state.id, str(state.phase)) == ("7", "succeeded")


@pytest.mark.parametrize(
    "name", ["rs_server.md", "ogc_processes.md", "up42.md", "geo_engine.md", "earth_engine.md"]
)
def test_pages_of_services_say_what_their_users_ask(name: str) -> None:
    text = (ROOT / "docs" / name).read_text()
    asked = (r"Credentials|Blocks", r"\*\*Limits|## Limits|\*\*pending", r"Believed, not observed")
    assert [one for one in asked if not re.search(one, text)] == []

"""Old names in a user's own files: programs, shell scripts, prefect.yaml."""

import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from eoflows.deployments.errors import StackError
from eoflows.deployments.upgrade.names import TOPS, entry_point, exists, successor

__all__ = ["renamed", "text_files"]

_SUFFIXES = {
    ".py",
    ".pyi",
    ".ipynb",
    ".sh",
    ".toml",
    ".cfg",
    ".ini",
    ".yaml",
    ".yml",
    ".md",
    ".rst",
    ".txt",
    "",
}
_SKIPPED = {".git", ".venv", "__pycache__", "node_modules", "site-packages"}
_TOP = f"(?:{'|'.join(TOPS)})"

_SEVERAL = re.compile(r"^([ \t]*)from (eokit(?:\.rs_server)?) import (\([^)]*\)|[^(\n#]+)", re.MULTILINE)
_EOKIT = re.compile(r"\beokit(?:\.\w+)+")
_FROM = re.compile(rf"^([ \t]*from )({_TOP}(?:\.\w+)*)(?= import (\([^)]*\)|[^(\n#]+))", re.MULTILINE)
_IMPORT = re.compile(rf"^([ \t]*)import ({_TOP}(?:\.\w+)*)( as \w+)?(?=[ \t]*(?:#|$))", re.MULTILINE)
_RUN = re.compile(rf"(?<![\w-])(-m[\s\"',]+)({_TOP}(?:\.\w+)*)")
_ENTRY = re.compile(r"(?<![\w/.])(?:\./)?flows/\w+\.py:\w+")


def text_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Give files, and those below folders that may name modules.

    Raises:
        StackError: There is no such file or folder.
    """
    for path in paths:
        if path.is_file():
            yield path
        elif path.is_dir():
            below = (one for one in sorted(path.rglob("*")) if not _SKIPPED & {*one.relative_to(path).parts})
            yield from (one for one in below if one.suffix in _SUFFIXES and one.is_file())
        else:
            raise StackError(f"{path} is no file and no folder")


def renamed(text: str) -> str:
    """Give a text with the present names of modules and entry points.

    `flows`, `tasks` and the like are ordinary words: they are replaced where they are imported, run with
    `-m`, or name a flow's file, and only if this release has what is named.
    """
    for pattern, replace in (
        (_SEVERAL, _several),
        (_EOKIT, lambda found: successor(found[0]) or found[0]),
        (_FROM, _from),
        (_IMPORT, _import),
        (_RUN, lambda found: found[1] + (_present(found[2]) or found[2])),
        (_ENTRY, lambda found: entry_point(found[0]) or found[0]),
    ):
        text = pattern.sub(replace, text)
    return text


def _several(found: re.Match[str]) -> str:
    """One import of several modules becomes one for each package that they are in now."""
    indent, module, names = found.groups()
    groups: dict[str, list[str]] = {}
    for name, alias in _imported(names):
        parent, _, last = (successor(f"{module}.{name}") or f"{module}.{name}").rpartition(".")
        groups.setdefault(parent, []).append(last if last == alias else f"{last} as {alias}")
    end = names[len(names.rstrip()) :]
    lines = (f"{indent}from {parent} import {', '.join(group)}" for parent, group in groups.items())
    return "\n".join(lines) + end


def _imported(names: str) -> Iterator[tuple[str, str]]:
    """Give what an import statement names, and under which name it is known then."""
    for one in re.sub(r"#[^\n]*|[()\\]", "", names).split(","):
        if one.strip():
            name, _, alias = one.strip().partition(" as ")
            yield name, alias.strip() or name


def _present(module: str) -> str | None:
    """Give the present name of a module of ours; None if this release has none of that name."""
    name = successor(module)
    return name if name is not None and exists(name) else None


def _from(found: re.Match[str]) -> str:
    start, old, names = found.groups()
    module = _present(old)
    if module is None or (old in TOPS and not all(_has(module, name) for name, _ in _imported(names))):
        return found[0]
    return start + module


def _has(package: str, name: str) -> bool:
    return exists(f"{package}.{name}") or hasattr(import_module(package), name)


def _import(found: re.Match[str]) -> str:
    indent, old, alias = found.groups()
    module = _present(old)
    if module is None:
        return found[0]
    if alias:
        return f"{indent}import {module}{alias}"
    top = old.partition(".")[0]
    # What follows uses the name that the old statement bound: the first one.
    return "\n".join(
        [f"{indent}from eoflows import {top}", *([] if old == top else [f"{indent}import {module}"])]
    )

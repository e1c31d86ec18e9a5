"""Public names of a package that are loaded when they are used: importing the package loads none of them."""

# Whoever imports a package pays for what this module imports: `typing` alone would cost more than all of it.
from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType
    from typing import Any

__all__ = ["lazily"]


def lazily(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Give a package those names that it imports for type checkers, each loaded with its first use.

    The package imports them below `if TYPE_CHECKING:`, which is read from its source with the first use of
    any, so that names and modules stand there once, for programs and people.

    Args:
        package: Its name.

    Returns:
        The package's `__getattr__` and `__dir__`.
    """
    module = sys.modules[package]
    sources: dict[str, tuple[str, str]] = {}

    def load(name: str) -> Any:
        if name not in vars(module).get("__all__", ()):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not sources:
            sources.update(_imports(module))
        source, attribute = sources[name]
        if source == package:
            return import_module(f"{package}.{attribute}")
        return getattr(import_module(source), attribute)

    return load, lambda: sorted(module.__all__)


def _imports(package: ModuleType) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give the names that a package imports for type checkers, each with its module and its name there."""
    import ast  # noqa: PLC0415
    import linecache  # noqa: PLC0415

    lines = linecache.getlines(str(package.__file__), vars(package))
    for node in ast.walk(ast.parse("".join(lines))):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
                for one in body:
                    if isinstance(one, ast.ImportFrom):
                        for name in one.names:
                            yield name.asname or name.name, (str(one.module), name.name)

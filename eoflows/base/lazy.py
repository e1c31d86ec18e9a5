"""Public names of a package that are loaded when they are used: importing the package loads none of them."""

# Whoever imports a package pays for what this module imports: `typing` alone would cost more than all of it.
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Hooks = tuple[Callable[[str], Any], Callable[[], list[str]]]

__all__ = ["names_from", "names_of"]


def names_from(package: str, modules: Mapping[str, Iterable[str]]) -> Hooks:
    """Give a package public names out of several modules, each loaded with the first of its own names.

    Args:
        package: Its name.
        modules: Names by the module that has them.

    Returns:
        The package's `__getattr__` and `__dir__`; the latter gives the names, sorted.
    """
    where = {name: module for module, names in modules.items() for name in names}

    def load(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return _load(where[name], name)

    return load, lambda: sorted(where)


def names_of(package: str, module: str) -> Hooks:
    """Give a package the public names of one module, which is loaded with the first of them.

    Args:
        package: Its name.
        module: The module; its `__all__` is the package's, too.

    Returns:
        The package's `__getattr__` and `__dir__`; the latter gives the names, sorted.
    """

    def load(name: str) -> Any:
        if name != "__all__" and (name.startswith("__") or name not in _load(module, "__all__")):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return _load(module, name)

    return load, lambda: sorted(_load(module, "__all__"))


def _load(module: str, name: str) -> Any:
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(module), name)

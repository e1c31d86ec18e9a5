"""Evaluates a graph: follows references, calls functions, checks each call against its signature."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eoflows.sandbox.earth_engine.client_files import Parameter, signatures
from eoflows.sandbox.earth_engine.conversions import converted
from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.values import Function

__all__ = ["Graph"]

_WRONG = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, re.error)
"""What arguments of a wrong kind bring about in a function."""


@dataclass
class Graph:
    """An expression, as it is sent: named values that refer to each other."""

    values: Mapping[str, Any]
    functions: Mapping[str, Function]
    """Name of each function that is known here to what it does; arguments in the order of its signature."""
    _known: dict[str, Any] = field(default_factory=dict)
    _arguments: dict[str, frozenset[str]] = field(default_factory=dict)

    def result(self, name: str) -> Any:
        """Return the value with a name.

        Raises:
            GraphError: It cannot be computed.
        """
        try:
            return self._reference(name, {})
        except RecursionError as error:
            raise GraphError("The expression is nested too deeply.") from error

    def _value(self, node: Mapping[str, Any], scope: Mapping[str, Any]) -> Any:  # noqa: PLR0911
        kind, content = _only(node)
        match kind:
            case "constantValue":
                return content
            case "integerValue":
                return int(content)
            case "arrayValue":
                return [self._value(one, scope) for one in content.get("values", ())]
            case "dictionaryValue":
                return {name: self._value(one, scope) for name, one in content.get("values", {}).items()}
            case "valueReference":
                return self._reference(content, scope)
            case "argumentReference":
                if content not in scope:
                    raise GraphError(f"The argument {content!r} is not bound.")
                return scope[content]
            case "functionDefinitionValue":
                return self._definition(content, scope)
            case "functionInvocationValue":
                return self._invocation(content, scope)
        raise GraphError(f"Invalid value node with the fields {sorted(node)}.")

    def _reference(self, name: str, scope: Mapping[str, Any]) -> Any:
        if name in self._known:
            return self._known[name]
        if name not in self.values:
            raise GraphError(f"The value {name!r} is referred to, but not there.")
        value = self._value(self.values[name], scope)
        if not self._free(name):
            self._known[name] = value
        return value

    def _free(self, name: str) -> frozenset[str]:
        """Return the arguments of functions around a value that it depends on."""
        if name not in self._arguments:
            self._arguments[name] = frozenset()
            self._arguments[name] = self._free_in(self.values.get(name))
        return self._arguments[name]

    def _free_in(self, node: Any) -> frozenset[str]:
        if isinstance(node, list):
            return frozenset[str]().union(*map(self._free_in, node))
        if not isinstance(node, Mapping) or "constantValue" in node:
            return frozenset()
        if "argumentReference" in node:
            return frozenset((node["argumentReference"],))
        if "functionDefinitionValue" in node:
            definition = node["functionDefinitionValue"]
            return self._free(definition["body"]) - set(definition.get("argumentNames", ()))
        named = [node[kind] for kind in ("valueReference", "functionReference") if kind in node]
        return self._free_in(list(node.values())).union(*map(self._free, named))

    def _definition(self, content: Mapping[str, Any], scope: Mapping[str, Any]) -> Function:
        names, body = content.get("argumentNames", []), content["body"]

        def call(*values: Any) -> Any:
            return self._reference(body, {**scope, **dict(zip(names, values, strict=False))})

        return call

    def _invocation(self, content: Mapping[str, Any], scope: Mapping[str, Any]) -> Any:
        arguments = content.get("arguments", {})
        if "functionName" not in content:
            function = self._value({"valueReference": content["functionReference"]}, scope)
            return function(*(self._value(one, scope) for one in arguments.values()))
        name = content["functionName"]
        if name == "If":
            return self._choice(arguments, scope)
        if name not in signatures():
            raise GraphError(f"Unrecognized function name: {name}.")
        if name not in self.functions:
            raise GraphError(f"{name}: the sandbox does not know this function.")
        given = {each: self._value(one, scope) for each, one in arguments.items()}
        parameters = signatures()[name]
        unknown = set(given) - {parameter.name for parameter in parameters}
        if unknown:
            raise GraphError(f"{name}: Unrecognized argument {sorted(unknown)[0]!r}.")
        try:
            return self.functions[name](*(_argument(each, given) for each in parameters))
        except GraphError as error:
            if str(error).startswith((f"{name}:", "Error in map", "Collection query")):
                raise
            raise GraphError(f"{name}: {error}", error.code) from error
        except _WRONG as error:
            raise GraphError(f"{name}: {type(error).__name__}: {error}") from error

    def _choice(self, arguments: Mapping[str, Any], scope: Mapping[str, Any]) -> Any:
        nothing = {"constantValue": None}
        case = "trueCase" if self._value(arguments.get("condition", nothing), scope) else "falseCase"
        return self._value(arguments.get(case, nothing), scope)


def _only(node: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the one field of a value node, and what it holds."""
    return next(iter(node.items())) if len(node) == 1 else ("", None)


def _argument(parameter: Parameter, given: Mapping[str, Any]) -> Any:
    value = given.get(parameter.name)
    if value is None:
        if not parameter.optional:
            raise GraphError(f"Parameter '{parameter.name}' is required and may not be null.")
        value = parameter.default
    return None if value is None else converted(value, parameter)

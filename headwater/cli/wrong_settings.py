"""What is wrong with the value of a setting, in words for the person who set it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.settings import Settings, is_secret, variable

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_NUMBERS = {
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
}


def in_words(problem: ErrorDetails) -> str:
    """One of pydantic's errors as ``VARIABLE=value: what is allowed``, without the value of a secret."""
    place = str(problem["loc"][0])
    name = next(name for name in Settings.model_fields if place in (name, variable(name)))
    given = str(problem["input"])
    hidden = is_secret(name) or "@" in given  # somebody's login may stand in an address
    shown = variable(name) if hidden else f"{variable(name)}={given}"
    return f"{shown}: {_allowed(problem, Settings.model_fields[name])}"


def _allowed(problem: ErrorDetails, field: FieldInfo) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in _NUMBERS:
        unit = next((f" of {word}" for word in field.metadata if isinstance(word, str)), "")
        return f"give {_NUMBERS[kind]}{unit}{_such_as(field)}"
    if kind in ("literal_error", "enum"):
        return f"choose {context['expected']}"
    if kind == "bool_parsing":
        return "say true or false"
    if kind == "string_pattern_mismatch":
        return f"letters, digits and a few signs make a name{_such_as(field)}"
    if kind == "value_error":
        return str(context["error"])
    return problem["msg"].replace("Input should be", "it must be")


def _such_as(field: FieldInfo) -> str:
    examples: list[Any] = field.examples or ([] if field.default is None else [field.default])
    shown = " or ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in examples)
    return f", such as {shown}" if shown else ""

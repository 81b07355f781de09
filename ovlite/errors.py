"""Exceptions, each of the class that OpenVINO's binding raises for the same mistake, and warnings."""

from collections.abc import Iterable
from typing import Any

from .imports import forks_wait


class OVError(Exception):
    """Base of the errors that OpenVINO's Python layer raises itself."""


class OVTypeError(OVError, TypeError):
    """An argument is of a type that can't be used."""


class TraceError(OVTypeError):
    """A numpy function does what can't be compiled; the text begins with the file and line."""


class UserInputError(OVError):
    """An argument has a value that can't be used."""


class ConversionError(OVError):
    """convert_model() was given what it can't convert."""


class ModelError(RuntimeError):
    """A model, or a node in it, is not valid; the text names the node, what is expected and what was found."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' when one of the known names is close to `name`, else ''."""
    with forks_wait():
        from difflib import get_close_matches

    near = get_close_matches(name, list(known), 1, 0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def warn(text: str, *values: Any) -> None:
    """Logs a warning of "ovlite", with values in the places of %s. logging is imported when there is one."""
    with forks_wait():
        import logging

    logging.getLogger("ovlite").warning(text, *values, stacklevel=2)

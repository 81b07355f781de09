"""`dataclass`, without code that is generated when a class is made.

The decorator of the module dataclasses compiles each class's methods from text, which takes longer than to import the
module that the class is in. The methods here are written once, and read the fields that a class has. Fields, their
defaults, `__post_init__`, comparison and what `dataclasses.fields()` and `replace()` say are as they are there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")


class _Standard:
    """An attribute that dataclasses gives its classes, made when somebody asks for it."""

    def __init__(self, name: str, fields: Mapping[str, Field[Any]], frozen: bool) -> None:
        self._name, self._fields, self._frozen = name, fields, frozen

    def __get__(self, instance: object, owner: type) -> Any:
        declared = [(name, Any, _copied(field)) for name, field in self._fields.items()]
        made: Any = dataclasses.make_dataclass(owner.__name__, declared, frozen=self._frozen)
        for name, field in self._fields.items():
            made.__dataclass_fields__[name].type = field.type
        found = getattr(made, self._name)
        setattr(owner, self._name, found)
        return found


def _dataclass(cls: Any = None, /, *, frozen: bool = False, eq: bool = True, repr: bool = True) -> Any:
    """Gives a class the methods of a dataclass."""
    return _made(cls, frozen, eq, repr) if cls is not None else lambda given: _made(given, frozen, eq, repr)


def _made(cls: Any, frozen: bool, eq: bool, repr: bool) -> Any:
    fields = _fields(cls)
    own = vars(cls)
    methods: dict[str, Any] = {"__init__": _initializer(fields, hasattr(cls, "__post_init__"))}
    if repr:
        methods["__repr__"] = _shown(tuple(fields))
    if eq:
        methods["__eq__"] = _equal(_getter([name for name, field in fields.items() if field.compare]))
        hashed = [name for name, field in fields.items() if (field.compare if field.hash is None else field.hash)]
        methods["__hash__"] = _hashed(_getter(hashed)) if frozen else None
    if frozen:
        methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
    for name, method in methods.items():
        if name not in own or (name == "__hash__" and own[name] is None):  # Python sets that beside an __eq__
            setattr(cls, name, method)
    cls._record_fields = fields
    for name in ("__dataclass_fields__", "__dataclass_params__"):
        setattr(cls, name, _Standard(name, fields, frozen))
    return cls


def _fields(cls: Any) -> dict[str, Field[Any]]:
    """The fields of a class and its bases, in order, by name."""
    fields: dict[str, Field[Any]] = {}
    for base in cls.__mro__[-1:0:-1]:
        fields |= vars(base).get("_record_fields", {})
    for name, kind in cls.__annotations__.items():
        if str(kind).startswith(("ClassVar", "typing.ClassVar")):
            continue
        default: Any = getattr(cls, name, MISSING)
        found: Field[Any] = default if isinstance(default, Field) else dataclasses.field(default=default)
        found.name, found.type = name, kind
        fields[name] = found
        if found is default and found.default is MISSING:
            delattr(cls, name)
        elif found is default:
            setattr(cls, name, found.default)
    return fields


def _copied(field: Field[Any]) -> Any:
    given = {name: getattr(field, name) for name in ("default", "default_factory", "hash", "compare", "repr")}
    return dataclasses.field(**{name: value for name, value in given.items() if value is not MISSING})


def _initializer(fields: dict[str, Field[Any]], finishes: bool) -> Callable[..., None]:
    names = tuple(fields)
    count, known = len(names), set(names)
    defaults = {name: field.default for name, field in fields.items() if field.default is not MISSING}
    factories = {name: field.default_factory for name, field in fields.items() if field.default_factory is not MISSING}

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        values = self.__dict__
        values.update(zip(names, args, strict=False))
        if kwargs:
            if not (kwargs.keys() <= known and values.keys().isdisjoint(kwargs)):
                raise TypeError(_wrong(self, names, args, kwargs))
            values.update(kwargs)
        if len(values) != count or len(args) > count:
            for name in names:
                if name in values:
                    continue
                if name in defaults:
                    values[name] = defaults[name]
                elif name in factories:
                    values[name] = factories[name]()
                else:
                    raise TypeError(_wrong(self, names, args, kwargs))
            if len(args) > count:
                raise TypeError(_wrong(self, names, args, kwargs))
        if finishes:
            self.__post_init__()

    return __init__


def _wrong(self: Any, names: Sequence[str], args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    takes, given = ", ".join(names) or "none", ", ".join([*map(str, range(len(args))), *kwargs]) or "none"
    return f"{type(self).__name__}() takes the arguments {takes}; given are {given}"


def _getter(names: Sequence[str]) -> Callable[[Any], Any]:
    """The values of fields as a tuple, which takes an object for equal to itself."""
    return attrgetter(*names) if len(names) > 1 else lambda self: tuple([getattr(self, name) for name in names])


def _equal(values: Callable[[Any], Any]) -> Callable[[Any, object], Any]:
    def __eq__(self: Any, other: object) -> Any:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    return __eq__


def _hashed(values: Callable[[Any], Any]) -> Callable[[Any], int]:
    return lambda self: hash(values(self))


def _shown(names: Sequence[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return __repr__


def _refuse_to_set(self: object, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def fields(given: Any) -> tuple[Field[Any], ...]:
    """The fields of a class or of an instance of it, which dataclasses may have made too."""
    cls = given if isinstance(given, type) else type(given)
    for base in cls.__mro__:
        if "_record_fields" in vars(base):
            return tuple(vars(base)["_record_fields"].values())
        if "__dataclass_fields__" in vars(base):
            break
    return dataclasses.fields(given)


def is_record(cls: type) -> bool:
    """Return whether a class, or a base of it, was decorated here."""
    return hasattr(cls, "_record_fields")


def replace(given: T, /, **changes: Any) -> T:
    """A new instance with other values of some fields."""
    return type(given)(**{field.name: getattr(given, field.name) for field in fields(given)} | changes)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    dataclass = _dataclass

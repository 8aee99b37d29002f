"""The base of all our data: a frozen dataclass that costs next to nothing to define.

`@dataclass(frozen=True)` compiles six methods for every class, at every start: a millisecond a class, more than all else that
tlstool does before its first packet. A record is a dataclass all the same (`fields`, `replace`, `is_dataclass` and `match` work),
but has its methods from here, and its fields are looked through when they are first asked for: most records of a run never are.
"""

from __future__ import annotations

from _thread import RLock
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import Any, dataclass_transform

_DEFERRED = ("__dataclass_fields__", "__match_args__")


class _Deferred:
    """Stands for what `dataclass` finds out about one class, until somebody wants to know."""

    _lock = RLock()  # of all of them, since a class asks its bases

    def __init__(self, name: str, *, kw_only: bool) -> None:
        self._name = name
        self._kw_only = kw_only

    def __get__(self, instance: object, owner: type) -> Any:
        with self._lock:
            if vars(owner).get(self._name) is self:
                for name in _DEFERRED:
                    delattr(owner, name)
                dataclass(init=False, repr=False, eq=False, kw_only=self._kw_only)(owner)
            return vars(owner)[self._name]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record:
    """Subclasses list their fields as a dataclass does, with defaults that cannot change, so without factories.

    `class Options(Record, kw_only=True)` takes its fields by name alone.
    """

    def __init_subclass__(cls, *, kw_only: bool = False) -> None:
        for name in _DEFERRED:
            setattr(cls, name, _Deferred(name, kw_only=kw_only))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        values = self.__dict__
        # As in a dataclass, keyword-only fields have no place in `__match_args__`.
        positional: tuple[str, ...] = self.__match_args__  # type: ignore[attr-defined]
        if len(args) > len(positional):
            raise TypeError(f"{type(self).__name__} takes {len(positional)} arguments, and got {len(args)}")
        values.update(zip(positional, args, strict=False))
        for one in fields(self):  # type: ignore[arg-type]
            name = one.name
            if name in kwargs and name not in values:
                values[name] = kwargs.pop(name)
            elif name not in values:
                if one.default is MISSING:
                    raise TypeError(f"{type(self).__name__} lacks {name}")
                values[name] = one.default
        if kwargs:
            raise TypeError(f"{type(self).__name__} has no {', '.join(kwargs)}, or has it twice")

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to {name}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete {name}")

    def __repr__(self) -> str:
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

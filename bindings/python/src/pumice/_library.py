"""The library, and what all objects share: handles, errors, options, facts."""
from __future__ import annotations

import ctypes
import ctypes.util
import enum
import os
import pathlib
import sys
from typing import Any, Callable, TypeVar

from . import _native as c

Self = TypeVar("Self", bound="Handle")
Result = c.PumiceResult


def _open() -> ctypes.CDLL:
    """PUMICE_LIBRARY, else what the wheel brings, else the system's."""
    name = {"win32": "pumice.dll", "darwin": "libpumice.0.dylib"}.get(sys.platform, "libpumice.so.0")
    beside = pathlib.Path(__file__).parent / name
    asked = os.environ.get("PUMICE_LIBRARY") or (str(beside) if beside.exists() else name)
    return c.declare(ctypes.CDLL(asked))


library = _open()


class Error(RuntimeError):
    """A call that failed, with the library's explanation."""

    def __init__(self, result: int, explanation: str = "") -> None:
        self.result = Result(result) if result in set(Result) else result
        super().__init__(explanation or library.pumice_result_name(result).decode())


def version() -> str:
    """The library's version and commit: "0.1.0+g0123456789ab"."""
    return str(library.pumice_version().decode())


class Handle:
    """An object of the library's. It ends with close(), at the end of a `with` block, or when Python forgets it; its
    parents live as long as it, whatever is closed first."""

    _kind = ""  # of the functions' names: pumice_KIND_destroy
    _handle: Any = None

    def _made(self, struct: Any) -> Any:
        """Where a creating call puts the handle."""
        self._handle = ctypes.POINTER(struct)()
        return ctypes.byref(self._handle)

    def _get(self) -> Any:
        if not self._handle:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._handle

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle:
            getattr(library, f"pumice_{self._kind}_destroy")(handle)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if library is not None:  # not at the interpreter's end
            self.close()

    def _explanation(self) -> str:
        return copied(getattr(library, f"pumice_{self._kind}_error"), self._get())

    def _check(self, result: int) -> None:
        if result != Result.PUMICE_OK:
            raise Error(result, self._explanation())


def copied(function: Callable[..., int], handle: Any) -> str:
    length = function(handle, None, 0)
    buffer = ctypes.create_string_buffer(length + 1)
    function(handle, buffer, length + 1)
    return buffer.value.decode("utf-8", "replace")


def plain(value: Any, kind: Any) -> Any:
    """As ctypes takes it."""
    if isinstance(value, os.PathLike):
        return os.fsencode(value)
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes) and kind is ctypes.POINTER(ctypes.c_uint8):
        return ctypes.cast(ctypes.create_string_buffer(value, len(value)), kind)
    return value


def filled(options: Any, members: Any) -> Any:
    """A struct from its _init() with members set by their names."""
    kinds = dict(options._fields_)
    for name, value in members.items():
        if name not in kinds:
            raise TypeError(f"{type(options).__name__} has no member {name}")
        setattr(options, name, plain(value, kinds[name]))
    return options


def facts(struct: Any) -> dict[str, Any]:
    """A struct that was filled in."""
    def of(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, ctypes.Structure):
            return facts(value)
        return [of(one) for one in value] if isinstance(value, ctypes.Array) else value

    kinds: dict[str, type[enum.IntEnum]] = {"kind": c.PumiceModelKind, "type": c.PumiceDeviceType}
    found = {name: of(getattr(struct, name)) for name, _ in struct._fields_ if name not in ("size", "next")}
    return {name: kinds[name](value) if name in kinds and isinstance(value, int) else value
            for name, value in found.items()}


def bytes_of(struct: Any, text: str, length: int) -> bytes:
    """Of a member that is a text with a length: ctypes would end it at its first zero."""
    address = ctypes.c_void_p.from_buffer(struct, getattr(type(struct), text).offset).value
    return ctypes.string_at(address, length) if address else b""


def ids_array(ids: Any) -> Any:
    return (ctypes.c_int32 * len(ids))(*ids)

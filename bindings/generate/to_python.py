"""ctypes: enums, structs, functions."""
from header import Function, Header, Type

PLAIN = {"int32_t": "c_int32", "uint32_t": "c_uint32", "int64_t": "c_int64", "uint64_t": "c_uint64",
         "uint8_t": "c_uint8", "size_t": "c_size_t", "float": "c_float", "double": "c_double", "char": "c_char"}


def name_of(kind: Type, header: Header) -> str:
    if kind.base == "function":
        return callback_type(kind.function, header)
    if kind.base == "void":
        return "c_void_p" if kind.pointers == 1 else f"POINTER({'c_void_p'})" if kind.pointers else "None"
    if kind.base == "char" and kind.pointers == 1:
        return "c_char_p"
    name = PLAIN.get(kind.base, "c_int32" if kind.base in header.enums else kind.base)
    for _ in range(kind.pointers):
        name = f"POINTER({name})"
    return f"{name} * {kind.array}" if kind.array else name


def callback_type(function: Function, header: Header) -> str:
    # What a callback is given is a place in memory, not a copy of its bytes.
    arguments = (name_of(kind, header).replace("c_char_p", "c_void_p") for _, kind in function.arguments)
    return f"CFUNCTYPE({', '.join([name_of(function.result, header), *arguments])})"


def hint(name: str, kind: Type, header: Header) -> str:
    """Of a member that callers may set by its name; empty: they do not."""
    if name in ("size", "next"):
        return ""
    if kind.pointers == 1 and kind.const and kind.base in ("char", "void", "uint8_t"):
        return "Union[str, bytes, PathLike[str], None]" if kind.base == "char" else "Union[bytes, None]"
    if kind.pointers or kind.array:
        return ""
    if kind.base in ("float", "double"):
        return "float"
    return "int" if kind.base in {*PLAIN, *header.enums} else ""


def value_of(value: str) -> str:
    return f"b{value}" if value.startswith('"') else value.removesuffix("f")


def write(header: Header) -> str:
    lines = ['"""Generated from the headers: the C interface, as it is."""', "from __future__ import annotations", "",
             "from ctypes import (CDLL, CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int32,",
             "                    c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p, sizeof)",
             "from enum import IntEnum", "from os import PathLike", "from typing import Any, TypedDict, Union", "",
             f'VERSION = "{header.version}"']
    lines += [f"{name} = {value}" for name, value in header.constants.items()]
    for enum, values in header.enums.items():
        lines += ["", "", f"class {enum}(IntEnum):", *(f"    {name} = {value}" for name, value in values.items())]
        lines += ["", "", *(f"{name} = {enum}.{name}" for name in values)]
    lines += ["", ""] + [f"class {name}(Structure):\n    pass\n\n" for name in [*header.opaque, *header.structs]]
    lines += [f"{name} = {callback_type(function, header)}" for name, function in header.callbacks.items()]
    for name, members in header.structs.items():
        lines.append(f"{name}._fields_ = [")
        lines += [f'    ("{member}", {name_of(kind, header)}),' for member, kind in members]
        lines.append("]")
    for name, (struct, values) in header.inits.items():
        arguments = "".join(f", {member}={value_of(value)}" for member, value in values.items())
        lines += ["", "", f"def {name}() -> {struct}:", f"    return {struct}(size=sizeof({struct}){arguments})"]
        lines += ["", "", f"class {struct.removeprefix('Pumice')}Fields(TypedDict, total=False):"]
        hints = ((member, hint(member, kind, header)) for member, kind in header.structs[struct])
        lines += [f"    {member}: {what}" for member, what in hints if what] or ["    pass"]
    lines += ["", "", "FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {"]
    for function in header.functions:
        arguments = ", ".join(name_of(kind, header) for _, kind in function.arguments)
        lines.append(f'    "{function.name}": ({name_of(function.result, header)}, [{arguments}]),')
    lines += ["}", "", "", "def declare(library: CDLL) -> CDLL:",
              "    for name, (result, arguments) in FUNCTIONS.items():", "        function = getattr(library, name)",
              "        function.restype, function.argtypes = result, arguments", "    return library", ""]
    return "\n".join(lines)

"""C#, as Unity's Mono takes it: blittable structs and P/Invoke. Needs `unsafe` (Allow unsafe code)."""
from header import Function, Header, Type

PLAIN = {"int32_t": "int", "uint32_t": "uint", "int64_t": "long", "uint64_t": "ulong", "uint8_t": "byte",
         "size_t": "UIntPtr", "float": "float", "double": "double", "char": "byte", "void": "void"}
FIXED = {"byte", "int", "uint", "long", "ulong", "float", "double"}
WORDS = {"object", "string", "ref", "in", "out", "params", "event", "fixed", "base"}


def word(name: str) -> str:
    return f"@{name}" if name in WORDS else name


def name_of(kind: Type, header: Header) -> str:
    if kind.base == "function" or kind.base in header.callbacks:
        return "IntPtr"  # Marshal.GetFunctionPointerForDelegate()
    if kind.base in header.opaque:
        return "IntPtr" + "*" * (kind.pointers - 1)
    return PLAIN.get(kind.base, kind.base) + "*" * kind.pointers


def member(name: str, kind: Type, header: Header) -> list[str]:
    plain = name_of(kind, header)
    if not kind.array:
        return [f"        public {plain} {word(name)};"]
    if plain in FIXED:
        return [f"        public fixed {plain} {word(name)}[{kind.array}];"]
    return [f"        public {plain} {word(name)}{i};" for i in range(kind.array)]  # structs cannot be fixed


def signature(function: Function, header: Header) -> str:
    arguments = ", ".join(f"{name_of(kind, header)} {word(name)}" for name, kind in function.arguments)
    return f"{name_of(function.result, header)} {function.name}({arguments})"


def delegates(header: Header) -> dict[str, Function]:
    found = dict(header.callbacks)
    for struct, members in header.structs.items():
        for name, kind in members:
            if kind.base == "function":
                found[f"{struct}_{name}"] = kind.function
    return found


def value_of(value: str, kind: Type, header: Header) -> str:
    return f"{kind.base}.{value}" if kind.base in header.enums else value


def write(header: Header) -> str:
    lines = ["// Generated from the headers: the C interface, as it is. Strings are UTF-8 and end with a zero.",
             "using System;", "using System.Runtime.InteropServices;", "", "namespace Pumice.Native", "{"]
    for enum, values in header.enums.items():
        lines += [f"    public enum {enum} {{ {', '.join(f'{name} = {value}' for name, value in values.items())} }}"]
    for name, members in header.structs.items():
        lines += ["    [StructLayout(LayoutKind.Sequential)]", f"    public unsafe struct {name}", "    {"]
        for field, kind in members:
            lines += member(field, kind, header)
        lines.append("    }")
    for name, function in delegates(header).items():
        of_name = Function(name, function.result, function.arguments)
        lines += ["    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]",
                  f"    public unsafe delegate {signature(of_name, header)};"]
    lines += ["    public static unsafe class Api", "    {", '        public const string Library = "pumice";',
              f'        public const string Version = "{header.version}";']
    lines += [f"        public const int {name} = {value};" for name, value in header.constants.items()]
    for name, (struct, values) in header.inits.items():
        kinds = dict(header.structs[struct])
        lines += [f"        public static {struct} {name}()", "        {", f"            var o = default({struct});",
                  f"            o.size = (UIntPtr)sizeof({struct});"]
        lines += [f"            o.{word(field)} = {value_of(value, kinds[field], header)};"
                  for field, value in values.items() if not value.startswith('"')]
        lines += [f"            // o.{word(field)} is the caller's to set: {value} elsewhere"
                  for field, value in values.items() if value.startswith('"')]
        lines += ["            return o;", "        }"]
    for function in header.functions:
        lines += ["        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]",
                  f"        public static extern {signature(function, header)};"]
    return "\n".join([*lines, "    }", "}", ""])

"""Rust: constants, repr(C) structs, extern functions. Enums are integers: a newer library may have more values."""
from header import Function, Header, Type

PLAIN = {"int32_t": "i32", "uint32_t": "u32", "int64_t": "i64", "uint64_t": "u64", "uint8_t": "u8", "size_t": "usize",
         "float": "f32", "double": "f64", "char": "c_char", "void": "c_void"}
WORDS = {"type", "where", "ref", "move", "use", "in", "fn", "mod", "loop", "match"}


def word(name: str) -> str:
    return f"r#{name}" if name in WORDS else name


def name_of(kind: Type, header: Header) -> str:
    if kind.base == "function":
        return f"Option<{signature(kind.function, header)}>"
    name = PLAIN.get(kind.base, kind.base)
    if kind.base in header.callbacks and not kind.pointers:
        return f"Option<{name}>"
    for _ in range(kind.pointers):
        name = f"*{'const' if kind.const else 'mut'} {name}"
    return f"[{name}; {kind.array}]" if kind.array else name


def signature(function: Function, header: Header, begin: str = 'unsafe extern "C" fn') -> str:
    arguments = ", ".join(f"{word(name)}: {name_of(kind, header)}" for name, kind in function.arguments)
    nothing = function.result.base == "void" and not function.result.pointers
    return f"{begin}({arguments})" + ("" if nothing else f" -> {name_of(function.result, header)}")


def value_of(value: str, kind: Type) -> str:
    if value.startswith('"'):
        return f'b"{value[1:-1]}\\0".as_ptr().cast()'  # what older compilers know
    return value.removesuffix("f")


def write(header: Header) -> str:
    lines = ["// Generated from the headers: the C interface, as it is.", "use std::ffi::{c_char, c_void};", "",
             f'pub const VERSION: &str = "{header.version}";']
    lines += [f"pub const {name}: u32 = {value};" for name, value in header.constants.items()]
    for enum, values in header.enums.items():
        lines.append(f"pub type {enum} = i32;")
        lines += [f"pub const {name}: {enum} = {value};" for name, value in values.items()]
    for name in header.opaque:
        lines += ["#[repr(C)]", f"pub struct {name} {{", "    _private: [u8; 0],", "}"]
    for name, function in header.callbacks.items():
        lines.append(f"pub type {name} = {signature(function, header)};")
    for name, members in header.structs.items():
        lines += ["#[repr(C)]", "#[derive(Clone, Copy)]", f"pub struct {name} {{"]
        lines += [f"    pub {word(member)}: {name_of(kind, header)}," for member, kind in members]
        lines += ["}"]
    for name, (struct, values) in header.inits.items():
        kinds = dict(header.structs[struct])
        lines += [f"pub fn {name}() -> {struct} {{", "    // Plain old data: zero is a value of each member.",
                  f"    let mut o: {struct} = unsafe {{ std::mem::zeroed() }};",
                  f"    o.size = std::mem::size_of::<{struct}>();"]
        lines += [f"    o.{word(member)} = {value_of(value, kinds[member])};" for member, value in values.items()]
        lines += ["    o", "}"]
    lines.append('extern "C" {')
    for function in header.functions:
        lines.append(f"    {signature(function, header, f'pub fn {function.name}')};")
    lines += ["}", "", "macro_rules! place {", "    ($struct:ty, $member:ident) => {{",
              "        let o = std::mem::MaybeUninit::<$struct>::uninit();",
              "        unsafe { std::ptr::addr_of!((*o.as_ptr()).$member) as usize - o.as_ptr() as usize }", "    }};",
              "}", "", "/// Sizes of the structs and places of their members, for the test against the C compiler.",
              "pub fn layout() -> Vec<(&'static str, &'static str, usize)> {", "    vec!["]
    for name, members in header.structs.items():
        lines.append(f'        ("{name}", "", std::mem::size_of::<{name}>()),')
        lines += [f'        ("{name}", "{member}", place!({name}, {word(member)})),'
                  for member, _ in members]
    return "\n".join([*lines, "    ]", "}", ""])

"""Reads the public headers, which keep to one plain style (include/pumice/pumice.h), into lists of what they declare.
What is not understood is an error: nothing is left out in silence."""
import dataclasses
import pathlib
import re

HEADERS = ("pumice.h", "pumice_kv.h")  # pumice_vulkan.h speaks of Vulkan's own types


@dataclasses.dataclass
class Type:
    base: str                       # "void", "char", "uint32_t", "PumiceModel", or "function"
    pointers: int = 0
    const: bool = False             # of what is pointed at
    array: int = 0
    function: "Function | None" = None


@dataclasses.dataclass
class Function:
    name: str
    result: Type
    arguments: list[tuple[str, Type]]


@dataclasses.dataclass
class Header:
    version: str = ""
    constants: dict[str, int] = dataclasses.field(default_factory=dict)
    enums: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    opaque: list[str] = dataclasses.field(default_factory=list)
    structs: dict[str, list[tuple[str, Type]]] = dataclasses.field(default_factory=dict)
    callbacks: dict[str, Function] = dataclasses.field(default_factory=dict)
    functions: list[Function] = dataclasses.field(default_factory=list)
    # pumice_..._init(): its struct, and the members that are not zero, `size` aside.
    inits: dict[str, tuple[str, dict[str, str]]] = dataclasses.field(default_factory=dict)


def parse_type(text: str) -> Type:
    words = re.findall(r"\w+|\*", text)
    names = [word for word in words if word not in ("const", "*")]
    if len(names) != 1:
        raise ValueError(f"no type: {text!r}")
    return Type(names[0], words.count("*"), words[0] == "const")


def parse_arguments(text: str) -> list[tuple[str, Type]]:
    if text.strip() in ("", "void"):
        return []
    arguments = []
    for part in text.split(","):
        match = re.fullmatch(r"(.*?[\s*])(\w+)", part.strip(), re.S)
        if not match:
            raise ValueError(f"no argument: {part!r}")
        arguments.append((match[2], parse_type(match[1])))
    return arguments


def parse_member(text: str) -> list[tuple[str, Type]]:
    function = re.fullmatch(r"(.+?)\(\*(\w+)\)\((.*)\)", text, re.S)
    if function:
        called = Function(function[2], parse_type(function[1]), parse_arguments(function[3]))
        return [(function[2], Type("function", function=called))]
    match = re.fullmatch(r"((?:const )?\w+[\s*]+(?:const\s*\*\s*)?)(.+)", text, re.S)
    if not match:
        raise ValueError(f"no member: {text!r}")
    members = []
    for name in match[2].split(","):
        declared = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", name.strip())
        if not declared:
            raise ValueError(f"no member: {text!r}")
        kind = parse_type(match[1])
        kind.array = int(declared[2] or 0)
        members.append((declared[1], kind))
    return members


def parse_enum(body: str) -> dict[str, int]:
    values = {}
    for part in filter(None, (part.strip() for part in body.split(","))):
        name, value = re.fullmatch(r"(\w+)\s*=\s*(-?\d+)", part).groups()
        values[name] = int(value)
    return values


def parse_init(struct: str, members: list[tuple[str, Type]], body: str) -> dict[str, str]:
    values = dict(re.findall(r"\w\.(\w+) = ([^;]+);", body))
    listed = re.search(r"= \{(.+)\};", body)
    if listed:
        values.update(zip((name for name, _ in members), (value.strip() for value in listed[1].split(","))))
    elif "PUMICE_ZERO" not in body:
        raise ValueError(f"no initialiser of {struct}: {body!r}")
    if values.pop("size", None) != f"sizeof({struct})":
        raise ValueError(f"{struct} does not get its size")
    return {name: value for name, value in values.items() if value not in ("0", "NULL")}


def read(header: Header, text: str) -> None:
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    header.version = "".join(re.findall(r'#define PUMICE_VERSION "(.*)"', text)) or header.version
    header.constants.update((name, int(value)) for name, value in re.findall(r"#define (PUMICE_\w+) (\d+)\s", text))
    text = re.sub(r'^\s*#.*$|extern "C" \{|^\}$(?=\s*\Z)', "", text, flags=re.M)
    text = re.sub(r"\}\s*\Z", "", text)

    def init(match: re.Match[str]) -> str:
        header.inits[match[2]] = (match[1], parse_init(match[1], header.structs[match[1]], match[3]))
        return ""

    def struct(match: re.Match[str]) -> str:
        parts = filter(None, (part.strip() for part in match[2].split(";")))
        header.structs[match[1]] = [member for part in parts for member in parse_member(part)]
        return ""

    def enum(match: re.Match[str]) -> str:
        header.enums[match[1]] = parse_enum(match[2])
        return ""

    def callback(match: re.Match[str]) -> str:
        header.callbacks[match[2]] = Function(match[2], parse_type(match[1]), parse_arguments(match[3]))
        return ""

    def opaque(match: re.Match[str]) -> str:
        header.opaque.append(match[1])
        return ""

    def function(match: re.Match[str]) -> str:
        header.functions.append(Function(match[2], parse_type(match[1]), parse_arguments(match[3])))
        return ""

    for pattern, take in ((r"typedef enum (\w+) \{(.*?)\}\s*\1;", enum),
                          (r"typedef struct (\w+) \{(.*?)\}\s*\1;", struct),
                          (r"typedef struct (\w+) \1;", opaque), (r"typedef ([^;]+?)\(\*(\w+)\)\((.*?)\);", callback),
                          (r"static inline (\w+) (\w+)\(void\) \{(.*?)\n\}", init),
                          (r"PUMICE_API ([^;()]+?)(\w+)\(([^;]*?)\);", function)):
        text = re.sub(pattern, take, text, flags=re.S)
    if text.strip():
        raise ValueError(f"not understood: {text.strip()[:200]!r}")


def read_folder(folder: pathlib.Path) -> Header:
    header = Header()
    for name in HEADERS:
        read(header, (folder / "pumice" / name).read_text(encoding="utf-8"))
    return header

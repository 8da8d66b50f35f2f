"""Writes declarations of the C interface in another language, from the headers themselves.

    python3 bindings/generate python|rust|csharp|layout INCLUDE_FOLDER OUTPUT

`layout` is a C program that prints what the C compiler makes of them, for the tests of the others."""
import importlib
import pathlib
import sys

sys.dont_write_bytecode = True
LANGUAGES = ("python", "rust", "csharp", "layout")


def main() -> int:
    if len(sys.argv) != 4 or sys.argv[1] not in LANGUAGES:
        print(__doc__, file=sys.stderr)
        return 2
    import header
    read = header.read_folder(pathlib.Path(sys.argv[2]))
    text = importlib.import_module(f"to_{sys.argv[1]}").write(read)
    output = pathlib.Path(sys.argv[3])
    output.parent.mkdir(parents=True, exist_ok=True)
    if not output.exists() or output.read_text(encoding="utf-8") != text:
        output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

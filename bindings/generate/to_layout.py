"""A C program that prints, as JSON, the sizes of structs, the places of their members, and what _init() fills in."""
from header import Header


def write(header: Header) -> str:
    lines = ["/* Generated. */", "#include <pumice/pumice.h>", "#include <pumice/pumice_kv.h>",
             "#include <stdio.h>", "", "static const char* comma = \"\";", "",
             "static void bytes_of(const char* name, const void* data, size_t size) {",
             "  printf(\"%s\\\"%s\\\": \\\"\", comma, name), comma = \", \";",
             "  for (size_t i = 0; i < size; ++i) printf(\"%02x\", ((const unsigned char*)data)[i]);",
             "  putchar('\"');", "}", "", "int main(void) {", "  printf(\"{\\\"structs\\\": {\");"]
    for number, (name, members) in enumerate(header.structs.items()):
        lines.append(f'  printf("{", " if number else ""}\\n\\"{name}\\": {{\\"\\": %zu", sizeof({name}));')
        lines += [f'  printf(", \\"{member}\\": %zu", offsetof({name}, {member}));' for member, _ in members]
        lines.append("  putchar('}');")
    lines.append('  printf("},\\n\\"inits\\": {");')
    for name, (struct, values) in header.inits.items():
        lines.append(f"  {{ {struct} o = {name}();")
        # Where a pointer points differs from run to run.
        lines += [f"    o.{member} = NULL;" for member, kind in header.structs[struct] if kind.pointers
                  and member in values]
        lines.append(f'    bytes_of("{struct}", &o, sizeof(o)); }}')
    lines += ['  printf("},\\n\\"enums\\": {"), comma = "";']
    for values in header.enums.values():
        lines += [f'  printf("%s\\"{name}\\": %d", comma, (int){name}), comma = ", ";' for name in values]
    lines += ['  printf("}}\\n");', "  return 0;", "}", ""]
    return "\n".join(lines)

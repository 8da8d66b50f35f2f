#!/usr/bin/env python3
"""Writes a GGUF file anew with metadata added or replaced; tensors stay as they are.

    scripts/gguf_set.py IN OUT general.sampling.temp=f32:0.8 general.sampling.top_k=i32:40 ...
"""
import struct
import sys

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
TYPES = {"u32": (4, "<I", int), "i32": (5, "<i", int), "f32": (6, "<f", float)}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, code):
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def text(self):
        return self.take(self.number("Q"))

    def skip_value(self, kind):
        if kind == 8:
            self.text()
        elif kind == 9:
            element, count = self.number("I"), self.number("Q")
            for _ in range(count if element in (8, 9) else 0):
                self.skip_value(element)
            if element not in (8, 9):
                self.take(SIZES[element] * count)
        else:
            self.take(SIZES[kind])


def encoded(name, kind, value):
    return struct.pack("<Q", len(name)) + name + struct.pack("<I", kind) + value


def main(source, target, *settings):
    reader = Reader(open(source, "rb").read())
    magic, version, tensors, count = reader.take(4), reader.number("I"), reader.number("Q"), reader.number("Q")
    assert magic == b"GGUF" and version in (2, 3), "not a GGUF file of version 2 or 3"
    entries, alignment = {}, 32
    for _ in range(count):
        name, kind, start = reader.text(), reader.number("I"), reader.at
        reader.skip_value(kind)
        entries[name] = (kind, reader.data[start:reader.at])
        if name == b"general.alignment":
            alignment = struct.unpack("<I", entries[name][1])[0]
    start = reader.at
    for _ in range(tensors):
        reader.text()
        reader.take(8 * reader.number("I") + 4 + 8)
    infos = reader.data[start:reader.at]
    content = reader.data[-(-reader.at // alignment) * alignment:]
    for setting in settings:
        name, _, value = setting.partition("=")
        kind, _, value = value.partition(":")
        number, code, convert = TYPES[kind]
        entries[name.encode()] = (number, struct.pack(code, convert(value)))
    head = magic + struct.pack("<IQQ", version, tensors, len(entries))
    head += b"".join(encoded(name, *entry) for name, entry in entries.items()) + infos
    open(target, "wb").write(head + b"\0" * (-len(head) % alignment) + content)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])

#!/usr/bin/env python3
"""Writes a GGUF file in the shape of a known model with random weights, for measuring speed: the text is noise.

    scripts/synthetic_gguf.py OUT [--shape llama3-8b|qwen3-8b] [--type q4_0|q4_k_m] [--layers N] [--context 17408]

32 layers of Q4_0 are 4.3 GB and take some seconds. The tokenizer is the bundled model's, with its vocabulary padded to
the shape's. Blocks repeat within a tensor; no engine can tell.
"""
import argparse
import dataclasses
import pathlib
import random
import struct

BUNDLED = pathlib.Path(__file__).resolve().parent.parent / "models" / "storyteller-5m-Q4_K_M.gguf"
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U32, I32, F32, TEXT, ARRAY = 4, 5, 6, 8, 9  # kinds of metadata
# Number, values and bytes of a block.
TYPES = {"f32": (0, 1, 4), "q4_0": (2, 32, 18), "q4_k": (12, 256, 144), "q6_k": (14, 256, 210)}
FILE_TYPES = {"q4_0": 2, "q4_k_m": 15}
UNUSED = 5  # of a token
DRAWN = 1 << 16  # blocks, then they repeat


@dataclasses.dataclass(frozen=True)
class Shape:
    architecture: bytes
    name: bytes
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocabulary: int
    rope_base: float
    epsilon: float
    head_norms: bool = False  # of queries and keys


SHAPES = {
    "llama3-8b": Shape(b"llama", b"8B", 32, 4096, 32, 8, 128, 14336, 128256, 5e5, 1e-5),
    "qwen3-8b": Shape(b"qwen3", b"Qwen 3 8B", 36, 4096, 32, 8, 128, 12288, 151936, 1e6, 1e-6, head_norms=True),
}


def scalar(kind, value):
    return struct.pack("<" + SCALARS[kind], value)


def text(value):
    return struct.pack("<Q", len(value)) + value


def encode(kind, value):
    if kind == TEXT:
        return text(value)
    if kind == ARRAY:
        element, items = value
        body = b"".join(text(i) if element == TEXT else scalar(element, i) for i in items)
        return struct.pack("<IQ", element, len(items)) + body
    return scalar(kind, value)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, code):
        value, = struct.unpack_from("<" + code, self.data, self.at)
        self.at += struct.calcsize("<" + code)
        return value

    def value(self, kind):
        if kind == TEXT:
            size = self.number("Q")
            self.at += size
            return self.data[self.at - size:self.at]
        if kind == ARRAY:
            element, count = self.number("I"), self.number("Q")
            return element, [self.value(element) for _ in range(count)]
        return self.number(SCALARS[kind])


def tokenizer(vocabulary):
    reader = Reader(BUNDLED.read_bytes())
    reader.at = 16
    entries = {}
    for _ in range(reader.number("Q")):
        key, kind = reader.value(TEXT), reader.number("I")
        value = reader.value(kind)
        if key.startswith(b"tokenizer."):
            entries[key] = (kind, value)
    tokens, kinds = entries[b"tokenizer.ggml.tokens"][1][1], entries[b"tokenizer.ggml.token_type"][1][1]
    tokens += [b"<unused%d>" % i for i in range(vocabulary - len(tokens))]
    kinds += [UNUSED] * (vocabulary - len(kinds))
    return entries


def tensors(shape, layers):
    """Name, rows (0: a vector) and columns of each."""
    q, kv = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    yield b"token_embd.weight", shape.vocabulary, shape.width
    for layer in range(layers):
        names = [(b"attn_norm", 0, shape.width), (b"attn_q", q, shape.width), (b"attn_k", kv, shape.width),
                 (b"attn_v", kv, shape.width), (b"attn_output", shape.width, q), (b"ffn_norm", 0, shape.width),
                 (b"ffn_gate", shape.ffn, shape.width), (b"ffn_up", shape.ffn, shape.width),
                 (b"ffn_down", shape.width, shape.ffn)]
        if shape.head_norms:
            names += [(b"attn_q_norm", 0, shape.head_dim), (b"attn_k_norm", 0, shape.head_dim)]
        for name, rows, columns in names:
            yield b"blk.%d.%s.weight" % (layer, name), rows, columns
    yield b"output_norm.weight", 0, shape.width
    yield b"output.weight", shape.vocabulary, shape.width


def type_of(name, rows, file_type, layers):
    """Q4_K_M has the output matrix and, in half of the layers, values and down in Q6_K."""
    if not rows:
        return "f32"
    if file_type != "q4_k_m":
        return file_type
    if name == b"output.weight":
        return "q6_k"
    if b"attn_v" not in name and b"ffn_down" not in name:
        return "q4_k"
    layer, eighth = int(name.split(b".")[1]), layers // 8
    return "q6_k" if layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2 else "q4_k"


def draw_block(kind, deviation, source):
    """Random, with a scale that gives the values about this standard deviation."""
    def half(values):
        return struct.pack("<e", deviation / values)
    if kind == "q4_0":
        return half(4.6) + source.randbytes(16)
    if kind == "q4_k":
        return half(170) + half(23) + source.randbytes(140)
    return source.randbytes(208) + half(1360)


def write_weights(file, kind, rows, columns, source):
    if not rows:
        return file.write(struct.pack("<f", 1) * columns)
    _, values, size = TYPES[kind]
    blocks = rows * columns // values
    drawn = b"".join(draw_block(kind, columns ** -0.5, source) for _ in range(min(blocks, DRAWN)))
    for at in range(0, blocks, DRAWN):
        file.write(drawn[:size * min(DRAWN, blocks - at)])


def metadata_of(shape, layers, context, file_type):
    keys = {
        b"block_count": (U32, layers), b"context_length": (U32, context), b"embedding_length": (U32, shape.width),
        b"feed_forward_length": (U32, shape.ffn), b"attention.head_count": (U32, shape.heads),
        b"attention.head_count_kv": (U32, shape.kv_heads), b"attention.layer_norm_rms_epsilon": (F32, shape.epsilon),
        b"rope.dimension_count": (U32, shape.head_dim), b"rope.freq_base": (F32, shape.rope_base),
        b"vocab_size": (U32, shape.vocabulary)}
    if shape.head_norms:
        keys.update({b"attention.key_length": (U32, shape.head_dim), b"attention.value_length": (U32, shape.head_dim)})
    return {
        b"general.architecture": (TEXT, shape.architecture),
        b"general.name": (TEXT, b"random %s shape, %d layers" % (shape.name, layers)),
        b"general.file_type": (U32, FILE_TYPES[file_type]), b"general.quantization_version": (U32, 2),
        **{shape.architecture + b"." + key: value for key, value in keys.items()}, **tokenizer(shape.vocabulary)}


def write_model(path, layers, context, shape=SHAPES["llama3-8b"], file_type="q4_0"):
    metadata = metadata_of(shape, layers, context, file_type)
    all_tensors = [(name, type_of(name, rows, file_type, layers), rows, columns)
                   for name, rows, columns in tensors(shape, layers)]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(all_tensors), len(metadata))
    for key, (kind, value) in metadata.items():
        header += text(key) + struct.pack("<I", kind) + encode(kind, value)
    offset = 0
    for name, kind, rows, columns in all_tensors:
        number, values, size = TYPES[kind]
        dims = (columns, rows) if rows else (columns,)
        header += text(name) + struct.pack("<I%dQIQ" % len(dims), len(dims), *dims, number, offset)
        offset += max(rows, 1) * columns // values * size  # always a multiple of 32
    source = random.Random(1)
    with open(path, "wb") as file:
        file.write(header + b"\0" * (-len(header) % 32))
        for _, kind, rows, columns in all_tensors:
            write_weights(file, kind, rows, columns, source)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--shape", choices=SHAPES, default="llama3-8b")
    parser.add_argument("--type", choices=FILE_TYPES, default="q4_0")
    parser.add_argument("--layers", type=int, help="as many as the shape has, where not given")
    parser.add_argument("--context", type=int, default=17408)
    flags = parser.parse_args()
    shape = SHAPES[flags.shape]
    write_model(flags.out, flags.layers or shape.layers, flags.context, shape, flags.type)


if __name__ == "__main__":
    main()

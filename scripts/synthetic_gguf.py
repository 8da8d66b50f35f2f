#!/usr/bin/env python3
"""Writes a GGUF file in the shape of Llama 3 8B with random Q4_0 weights, for measuring speed: the text is noise.

    scripts/synthetic_gguf.py OUT [--layers 32] [--context 17408]

32 layers are 4.3 GB and take some seconds. The tokenizer is the bundled model's, with its vocabulary padded to
Llama's. Blocks repeat within a tensor; no engine can tell.
"""
import argparse
import pathlib
import random
import struct

BUNDLED = pathlib.Path(__file__).resolve().parent.parent / "models" / "storyteller-5m-Q4_K_M.gguf"
WIDTH, HEADS, KV_HEADS, HEAD_DIM, FFN, VOCABULARY = 4096, 32, 8, 128, 14336, 128256
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U32, I32, F32, TEXT, ARRAY = 4, 5, 6, 8, 9  # kinds of metadata
TYPES = {"f32": (0, 1, 4), "q4_0": (2, 32, 18)}  # number, values and bytes of a block
UNUSED = 5  # of a token
DRAWN = 1 << 16  # blocks, then they repeat


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


def tokenizer():
    reader = Reader(BUNDLED.read_bytes())
    reader.at = 16
    entries = {}
    for _ in range(reader.number("Q")):
        key, kind = reader.value(TEXT), reader.number("I")
        value = reader.value(kind)
        if key.startswith(b"tokenizer."):
            entries[key] = (kind, value)
    tokens, kinds = entries[b"tokenizer.ggml.tokens"][1][1], entries[b"tokenizer.ggml.token_type"][1][1]
    tokens += [b"<unused%d>" % i for i in range(VOCABULARY - len(tokens))]
    kinds += [UNUSED] * (VOCABULARY - len(kinds))
    return entries


def tensors(layers):
    """Name, rows (0: a vector) and columns of each."""
    yield b"token_embd.weight", VOCABULARY, WIDTH
    for layer in range(layers):
        for name, rows, columns in (
                (b"attn_norm", 0, WIDTH), (b"attn_q", HEADS * HEAD_DIM, WIDTH), (b"attn_k", KV_HEADS * HEAD_DIM, WIDTH),
                (b"attn_v", KV_HEADS * HEAD_DIM, WIDTH), (b"attn_output", WIDTH, HEADS * HEAD_DIM),
                (b"ffn_norm", 0, WIDTH), (b"ffn_gate", FFN, WIDTH), (b"ffn_up", FFN, WIDTH), (b"ffn_down", WIDTH, FFN)):
            yield b"blk.%d.%s.weight" % (layer, name), rows, columns
    yield b"output_norm.weight", 0, WIDTH
    yield b"output.weight", VOCABULARY, WIDTH


def write_weights(file, rows, columns, source):
    if not rows:
        return file.write(struct.pack("<f", 1) * columns)
    blocks = rows * columns // 32
    scale = struct.pack("<e", columns ** -0.5 / 4.6)  # 4.6: the deviation of the sixteen values of Q4_0
    drawn = b"".join(scale + source.randbytes(16) for _ in range(min(blocks, DRAWN)))
    for at in range(0, blocks, DRAWN):
        file.write(drawn[:18 * min(DRAWN, blocks - at)])


def write_model(path, layers, context):
    metadata = {
        b"general.architecture": (TEXT, b"llama"), b"general.name": (TEXT, b"random 8B shape, %d layers" % layers),
        b"general.file_type": (U32, 2), b"general.quantization_version": (U32, 2),
        b"llama.block_count": (U32, layers), b"llama.context_length": (U32, context),
        b"llama.embedding_length": (U32, WIDTH), b"llama.feed_forward_length": (U32, FFN),
        b"llama.attention.head_count": (U32, HEADS), b"llama.attention.head_count_kv": (U32, KV_HEADS),
        b"llama.attention.layer_norm_rms_epsilon": (F32, 1e-5), b"llama.rope.dimension_count": (U32, HEAD_DIM),
        b"llama.rope.freq_base": (F32, 500000.0), b"llama.vocab_size": (U32, VOCABULARY), **tokenizer()}
    all_tensors = list(tensors(layers))
    header = b"GGUF" + struct.pack("<IQQ", 3, len(all_tensors), len(metadata))
    for key, (kind, value) in metadata.items():
        header += text(key) + struct.pack("<I", kind) + encode(kind, value)
    offset = 0
    for name, rows, columns in all_tensors:
        number, values, size = TYPES["q4_0" if rows else "f32"]
        shape = (columns, rows) if rows else (columns,)
        header += text(name) + struct.pack("<I%dQIQ" % len(shape), len(shape), *shape, number, offset)
        offset += max(rows, 1) * columns // values * size  # always a multiple of 32
    source = random.Random(1)
    with open(path, "wb") as file:
        file.write(header + b"\0" * (-len(header) % 32))
        for _, rows, columns in all_tensors:
            write_weights(file, rows, columns, source)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--context", type=int, default=17408)
    flags = parser.parse_args()
    write_model(flags.out, flags.layers, flags.context)


if __name__ == "__main__":
    main()

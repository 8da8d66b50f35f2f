// exercise_gguf: parses bytes as a GGUF file and, if they are accepted, uses all that the parser promises: every
// metadata value is converted and rendered, the first rows of every tensor are decoded and repacked, and a model and a
// tokenizer are made of it as far as no device is needed. A broken promise ends the process; so do the sanitizers.
// Shared by gguf_fuzz and gguf_mutate.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/vocabulary.h"
#include "format/dequantize.h"
#include "format/device_layout.h"
#include "format/gguf.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace pumice::test {

inline bool is_one_line(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(),
                                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

inline void exercise_value(const GgufValue& value) {
  for (const size_t limit : {size_t{0}, size_t{50}, size_t{1000}}) {
    const std::string text = render(value, limit);
    PUMICE_CHECK(is_one_line(text) && text.size() <= std::max<size_t>(limit, 48));
  }
  PUMICE_CHECK(is_one_line(value_type_name(value)));
  (void)value.as_u64(), (void)value.as_i64(), (void)value.as_f32(), (void)value.as_bool();
  if (const auto strings = value.as_strings()) {
    PUMICE_CHECK(strings->size() == value.count);
    size_t bytes = 0;
    for (const std::string_view text : *strings) bytes += 8 + text.size();
    PUMICE_CHECK(bytes == value.bytes.size());
  }
  if (const auto floats = value.as_f32_array()) PUMICE_CHECK(floats->size() == value.count);
  if (const auto integers = value.as_i32_array()) PUMICE_CHECK(integers->size() == value.count);
}

// `section` is the part of the file where tensor data may lie.
inline void exercise_tensor(const GgufTensor& tensor, std::span<const std::byte> section) {
  PUMICE_CHECK(tensor.data.data() >= section.data() && tensor.data.size() <= section.size());
  PUMICE_CHECK(static_cast<size_t>(tensor.data.data() - section.data()) <= section.size() - tensor.data.size());
  PUMICE_CHECK(tensor.rows() >= 1 && tensor.row_bytes() * tensor.rows() == tensor.data.size());
  const uint64_t rows = std::min<uint64_t>(tensor.rows(), 9);
  if (!can_dequantize(tensor.type)) {
    PUMICE_CHECK(is_one_line(device_layout_for(tensor).error().message));
    return;
  }
  std::vector<float> values(rows * tensor.cols());
  PUMICE_CHECK(dequantize_rows(tensor, 0, rows, values).ok());
  const Result<DeviceLayout> layout = device_layout_for(tensor);
  PUMICE_CHECK(layout.ok());
  const uint64_t slab = rows == 9 && tensor.rows() > 9 ? 8 : rows;
  std::vector<uint32_t> quants(layout->quant_plane_words(slab)), scales(layout->scale_plane_words(slab));
  repack_rows(tensor, 0, slab, *layout, quants, scales);
  std::vector<float> row(tensor.cols());
  unpack_row(*layout, quants, scales, slab - 1, row);
}

// What loading does with an accepted file before any weight is read.
inline void exercise_model(const Gguf& file) {
  const Result<uint64_t> bytes = estimate_weight_bytes(file);
  if (!bytes) PUMICE_CHECK(is_one_line(bytes.error().message));
  Result<TokenizerData> data = read_tokenizer(file);
  const Result<Tokenizer> tokenizer =
      data ? Tokenizer::create(std::move(data).value()) : Result<Tokenizer>(data.error());
  if (!tokenizer) {
    PUMICE_CHECK(is_one_line(tokenizer.error().message));
    return;
  }
  for (const std::string& warning : tokenizer->warnings()) PUMICE_CHECK(is_one_line(warning));
  std::string text = "a <|im_end|> \xff\u00e9 1234\n";
  for (int32_t id = 0; id < std::min(tokenizer->vocabulary_size(), 8); ++id)
    text += tokenizer->token_name(id).substr(0, 64);
  for (const bool parse : {false, true}) {
    const std::vector<int32_t> ids = tokenizer->encode(text, {.add_special = parse, .parse_special = parse});
    for (const int32_t id : ids) {
      PUMICE_CHECK(id >= 0 && id < tokenizer->vocabulary_size());
      PUMICE_CHECK(parse || !tokenizer->is_control(id));
    }
    (void)tokenizer->decode(ids, parse), (void)tokenizer->has_double_bos(ids);
  }
}

// The reason of the refusal; empty if the bytes were accepted.
inline std::string exercise_gguf(std::span<const std::byte> file) {
  const Result<Gguf> gguf = Gguf::from_memory(file);
  if (!gguf) {
    PUMICE_CHECK(is_one_line(gguf.error().message));
    return gguf.error().message;
  }
  for (const GgufEntry& entry : gguf->metadata()) {
    PUMICE_CHECK(gguf->find(entry.key) == &entry.value);
    exercise_value(entry.value);
  }
  for (const GgufTensor& tensor : gguf->tensors()) {
    PUMICE_CHECK(gguf->find_tensor(tensor.name) == &tensor);
    const GgufTensor& last = gguf->tensors().back();  // after its name: dimensions, type and offset
    const char* header_end = last.name.data() + last.name.size() + 4 + 8 * last.dim_count + 4 + 8;
    const auto header_bytes = static_cast<size_t>(header_end - reinterpret_cast<const char*>(file.data()));
    exercise_tensor(tensor, file.subspan(header_bytes));
  }
  exercise_model(*gguf);
  return {};
}

}  // namespace pumice::test

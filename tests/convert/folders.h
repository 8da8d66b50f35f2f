// Model folders for the tests of conversion: safetensors, JSON and SentencePiece files made up of random weights.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/random.h"
#include "format/gguf.h"
#include "format/half.h"

namespace pumice::test {

using OrderedJson = nlohmann::ordered_json;

inline void write_text_file(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Floats of about -1 to 1.
inline std::vector<float> random_floats(uint64_t count, uint64_t seed) {
  SplitMix random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<double>(random.next() >> 11) * 0x1p-52 - 1);
  return values;
}

// The same values for the same name, whatever else there is.
inline uint64_t seed_of(const std::string& name) { return std::hash<std::string>()(name); }

class SafetensorsWriter {
 public:
  // Random values.
  std::vector<float> add(const std::string& name, const std::vector<uint64_t>& shape) {
    uint64_t count = 1;
    for (const uint64_t size : shape) count *= size;
    return add(name, shape, random_floats(count, seed_of(name)));
  }
  std::vector<float> add(const std::string& name, const std::vector<uint64_t>& shape, std::vector<float> values) {
    const auto* bytes = reinterpret_cast<const char*>(values.data());
    add_bytes(name, "F32", shape, std::string(bytes, 4 * values.size()));
    return values;
  }
  void add_bytes(const std::string& name, const std::string& dtype, const std::vector<uint64_t>& shape,
                 const std::string& bytes) {
    header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    data += bytes;
  }
  std::string finish() const {
    const std::string text = header.dump();
    const uint64_t length = text.size();
    return std::string(reinterpret_cast<const char*>(&length), 8) + text + data;
  }

  OrderedJson header = OrderedJson::object();
  std::string data;
};

// A unigram model of SentencePiece.
inline std::string sentencepiece_file(const std::vector<std::string>& pieces) {
  const auto chunk = [](int number, const std::string& data) {
    return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(data.size()) + data;
  };
  std::string file;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const float score = i < 2 ? 0 : -1.0f - 0.125f * static_cast<float>(i);
    std::string piece = chunk(1, pieces[i]) + '\x15' + std::string(reinterpret_cast<const char*>(&score), 4);
    if (i < 2) piece += std::string("\x18") + static_cast<char>(i == 0 ? 3 : 2);  // </s> and <unk>
    file += chunk(1, piece);
  }
  return file + chunk(2, "\x18\x01") + chunk(3, chunk(1, "identity"));
}

inline std::vector<float> floats_of(const GgufTensor& tensor) {
  std::vector<float> values(tensor.data.size() / 4);
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

}  // namespace pumice::test

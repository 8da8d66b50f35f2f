// DecoderWeights: the tensors of a decoder on the device, as its layers use them.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/uploader.h"

namespace pumice {

// A weight matrix with its optional bias, writing columns y_offset.. of its output.
struct Projection {
  WeightMatrix w;
  std::optional<vk::Buffer> bias;
  uint32_t y_offset = 0;
};

struct LayerWeights {
  vk::Buffer attention_norm;    // (width)
  std::vector<Projection> qkv;  // together (qkv_width, width): one matrix where q, k and v have one type
  Projection output;            // (width, q_width)
  vk::Buffer ffn_norm;          // (width)
  Projection gate, up;          // (ffn_width, width)
  Projection down;              // (width, ffn_width)
};

struct DecoderWeights {
  WeightMatrix embedding;  // (vocabulary, width)
  std::vector<LayerWeights> layers;
  vk::Buffer output_norm;       // (width)
  Projection head;              // (vocabulary, width); empty: the embedding is used
  vk::Buffer rope_frequencies;  // (rotary / 2) as rope_frequencies() gives them

  uint64_t bytes() const;
};

// Plans uploads by name, checking shapes; the uploader's finish() brings them. Without an uploader nothing is made:
// buffers and slabs stay empty, and bytes() is what they would take. One thread at a time.
class WeightReader {
 public:
  explicit WeightReader(const Gguf& file) : file_(file) {}
  WeightReader(const Gguf& file, Uploader& uploader) : file_(file), uploader_(&uploader) {}

  Result<vk::Buffer> vector(const std::string& name, uint64_t length);  // as float
  Result<WeightMatrix> matrix(const std::string& name, uint64_t rows, uint64_t cols);
  Result<Projection> projection(const std::string& name, uint64_t rows, uint64_t cols);  // name without ".weight"
  // Stacked into as few matrices as types allow; names without ".weight".
  Result<std::vector<Projection>> stacked(std::span<const std::string> names, std::span<const uint64_t> rows,
                                          uint64_t cols);
  bool has(const std::string& name) const { return file_.find_tensor(name) != nullptr; }

  // kUnsupported for the first tensor of the file that nothing asked for and that is not known to be inert.
  Result<void> check_rest() const;
  uint64_t bytes() const { return bytes_; }

 private:
  Result<const GgufTensor*> tensor(const std::string& name, uint64_t rows, uint64_t cols);
  Result<WeightMatrix> matrix(std::span<const GgufTensor* const> parts);
  Result<const GgufTensor*> with_scale(const GgufTensor& matrix);
  Result<vk::Buffer> floats(std::span<const float> values);
  Result<std::optional<vk::Buffer>> stacked_bias(std::span<const std::string> names, std::span<const uint64_t> rows);

  const Gguf& file_;
  Uploader* uploader_ = nullptr;
  uint64_t bytes_ = 0;
  std::set<const GgufTensor*> used_;
  std::deque<GgufTensor> scaled_;  // until the uploads are finished
};

}  // namespace pumice

// WeightReader: tensors of a model file on their way to the device, each checked, and which of them were asked for.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/adapter.h"
#include "model/uploader.h"

namespace pumice {

struct ValueRange {
  float lowest = 0, highest = 0;
};

// A weight matrix with its optional bias, writing columns y_offset.. of its output. Some clamp what they read and
// write.
struct Projection {
  WeightMatrix w;
  std::optional<vk::Buffer> bias;
  uint32_t y_offset = 0;
  std::optional<ValueRange> in, out;
  std::optional<uint32_t> adaptable;  // its place among the model's adaptable matrices
};

// A norm's weight, and its bias where it has one.
struct NormWeights {
  vk::Buffer weight, bias;
  bool biased = false;
};

enum class WithBias { kNo, kYes };  // if the file has one

// Plans uploads by name, checking shapes; the uploader's finish() brings them. Without an uploader nothing is made:
// buffers and slabs stay empty, and bytes() is what they would take. One thread at a time.
class WeightReader {
 public:
  explicit WeightReader(const Gguf& file) : file_(file) {}
  WeightReader(const Gguf& file, Uploader& uploader) : file_(file), uploader_(&uploader) {}
  // Whatever is asked for is there, without a file: matrices of `type`, and zeros. Slabs have rows and no memory:
  // enough to list with.
  static WeightReader inventing(TensorType type);

  // Names are without ".weight". As floats, times `factor`; an empty name: an empty buffer. row: the tensor has rows of
  // that length; 0: it is one.
  Result<vk::Buffer> vector(const std::string& name, uint64_t length, float factor = 1, uint64_t row = 0);
  Result<float> scalar(const std::string& name);
  Result<vk::Buffer> constant(uint64_t length, float value);
  // The products of two vectors' elements.
  Result<vk::Buffer> product(const std::string& name, const std::string& other, uint64_t length);
  Result<WeightMatrix> matrix(const std::string& name, uint64_t rows, uint64_t cols);
  // The bias times `bias_factor`.
  Result<Projection> projection(const std::string& name, uint64_t rows, uint64_t cols, float bias_factor = 1);
  // Of a convolution over neighbouring rows of `inputs` values, (outputs, taps * inputs): tap after tap, while the file
  // has all taps of each input together.
  Result<Projection> convolution(const std::string& name, uint64_t outputs, uint64_t inputs, uint64_t taps);
  // biased: a bias is read where there is one.
  Result<NormWeights> norm(const std::string& name, uint64_t length, bool biased, float factor = 1);
  Result<vk::Buffer> words(std::span<const uint32_t> words);  // a copy; none: an empty buffer
  // A matrix of values that are in no tensor of that shape, in F32 or F16 as the tensor `name` is.
  Result<Projection> matrix_of(const std::string& name, uint64_t rows, uint64_t cols, std::span<const float> values,
                               WithBias bias = WithBias::kYes);
  // A projection of `rows` rows that come in another order, of each block of order.size() rows; kNoRow: zeros, so that
  // the file has fewer.
  static constexpr uint32_t kNoRow = ~0u;
  Result<Projection> reordered(const std::string& name, uint64_t rows, uint64_t cols, std::span<const uint32_t> order);
  // Two matrices (blocks * rows, cols) of which one's rows follow the other's in each of the `blocks`.
  Result<std::array<Projection, 2>> alternating(const std::string& name, uint64_t blocks, uint64_t rows, uint64_t cols);
  // On the host; `name` is the whole name.
  Result<std::vector<float>> values(const std::string& name, uint64_t rows, uint64_t cols);
  Result<std::vector<float>> all_values(const std::string& name, uint64_t count);  // whatever their shape
  Result<vk::Buffer> floats(std::span<const float> values);
  // One matrix's first rows[0] rows and the rows[1] after them, each as a matrix of its own.
  Result<std::array<Projection, 2>> parts(const std::string& name, const std::array<uint64_t, 2>& rows, uint64_t cols);
  // The matrices (rows, cols) of the experts of a mixture, one after the other, with their biases.
  Result<Projection> experts(const std::string& name, uint64_t experts, uint64_t rows, uint64_t cols);
  // The same of a tensor in which each expert has two matrices.
  Result<std::array<Projection, 2>> expert_halves(const std::string& name, uint64_t experts, uint64_t rows,
                                                  uint64_t cols);
  // Of one matrix, which has for each head `plain` rows that keys are products of and `value` rows that values are:
  // those of keys turned around (rank, plain), and those of values (value, rank), as experts() has them. Without rows
  // for keys the first are zeros, (rank, empty_cols).
  Result<std::array<Projection, 2>> latent_heads(const std::string& name, uint64_t heads, uint64_t plain,
                                                 uint64_t value, uint64_t rank, uint64_t empty_cols);
  // Stacked into as few matrices as types allow.
  Result<std::vector<Projection>> stacked(std::span<const std::string> names, std::span<const uint64_t> rows,
                                          uint64_t cols, float bias_factor = 1);
  Result<vk::Buffer> bias(const std::string& name, uint64_t length,
                          float factor = 1);  // the tensor is called name + ".bias"
  Result<vk::Buffer> scales(const std::string& name, uint64_t length, float factor = 1);  // name + ".scale"
  bool has_bias(const std::string& name) const { return find(name + ".bias") != nullptr; }
  bool has(const std::string& name) const {
    return find(name + ".weight") != nullptr || (invented_ && !is_joined(name));
  }
  bool has_tensor(const std::string& name) const { return find(name) != nullptr; }  // by its whole name
  bool has_range(const std::string& name) const {
    return find(name + ".input_max") != nullptr || find(name + ".output_max") != nullptr;
  }

  // The matrices that follow stay in the host's memory, or no longer do.
  void keep_on_host(bool on_host) { on_host_ = on_host; }

  // Tensors whose names end so are as if the file had not got them; or begin so, where that ends in a dot.
  void ignore(std::vector<std::string> ends) { unused_ = std::move(ends); }
  // kUnsupported for the first tensor of the file that nothing asked for and that is not known to be inert.
  Result<void> check_rest() const;
  std::vector<AdaptableMatrix> take_adaptable() { return std::move(adaptable_); }  // that projections have named
  uint64_t bytes() const { return bytes_; }  // on the device
  uint64_t host_bytes() const { return host_bytes_; }

 private:
  static bool is_joined(std::string_view name);
  bool is_unused(std::string_view name) const;
  const GgufTensor* find(const std::string& name) const;
  const GgufTensor& invent(const std::string& name, const std::array<uint64_t, 4>& dims);
  Result<const GgufTensor*> tensor(const std::string& name, uint64_t rows, uint64_t cols, uint64_t matrices = 1);
  Result<WeightMatrix> upload(std::span<const GgufTensor* const> parts, uint64_t unit = kRowInterleave);
  Result<vk::Buffer> upload(std::span<const std::byte> bytes);
  Result<vk::Buffer> scaled(const std::string& name, uint64_t rows, uint64_t cols, float factor);  // by its whole name
  // The first (half 0) or the second `rows` rows of each of the tensor's blocks; and pieces as one tensor.
  std::vector<const GgufTensor*> halves_of_blocks(const GgufTensor& whole, uint64_t blocks, size_t half, uint64_t rows);
  const GgufTensor* gathered(std::span<const GgufTensor* const> pieces);
  // F32 where `like` is, else F16.
  const GgufTensor* made(const GgufTensor& like, const std::array<uint64_t, 4>& dims, std::span<const float> values);
  Result<const GgufTensor*> with_scale(const GgufTensor& matrix);
  Result<void> read_ranges(const std::string& name, Projection& projection);
  void make_adaptable(Projection& projection, std::vector<AdaptableMatrix::Part> parts, uint64_t cols);
  Result<void> check_experts(const std::string& name, uint64_t rows) const;
  Result<std::optional<vk::Buffer>> stacked_bias(std::span<const std::string> names, std::span<const uint64_t> rows,
                                                 float factor);

  const Gguf& file_;
  Uploader* uploader_ = nullptr;
  std::optional<TensorType> invented_;
  std::vector<AdaptableMatrix> adaptable_;
  uint64_t bytes_ = 0, host_bytes_ = 0;
  bool on_host_ = false;
  std::vector<std::string> unused_;
  std::set<const GgufTensor*> used_;
  std::deque<GgufTensor> parts_;               // of tensors, which the uploader looks at until it has finished
  std::deque<std::vector<std::byte>> copies_;  // likewise
};

}  // namespace pumice

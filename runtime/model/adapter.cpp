#include "model/adapter.h"

#include <algorithm>
#include <cmath>

#include "format/dequantize.h"
#include "model/digest.h"

namespace pumice {
namespace {

constexpr std::string_view kEndA = ".lora_a", kEndB = ".lora_b";
constexpr uint32_t kMostRank = 4096;

Result<void> check_kind(const Gguf& file, const Gguf& model) {
  if (file.get_string("general.type").value_or("") != "adapter" ||
      file.get_string("adapter.type").value_or("") != "lora")
    return error(Status::kUnsupported,
                 "this is not a LoRA adapter; give a GGUF file that llama.cpp's convert_lora_to_gguf.py has made");
  if (file.find("adapter.alora.invocation_tokens"))
    return error(Status::kUnsupported, "this adapter is switched on by tokens (aLoRA), which is not supported");
  const std::string_view own = file.get_string("general.architecture").value_or("");
  const std::string_view wanted = model.get_string("general.architecture").value_or("");
  if (own != wanted)
    return error(Status::kUnsupported, "the adapter is for architecture %s, the model is %s; give one made for it",
                 quote(own).c_str(), quote(wanted).c_str());
  return {};
}

// The bytes of a tensor whose values are all finite: 0 times an infinity would show in rows that do without it.
Result<std::vector<std::byte>> finite_bytes(const Gguf& file, const GgufTensor& tensor) {
  PUMICE_ASSIGN(const std::vector<float> values, fetch_values(file, tensor));
  if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); }))
    return error(Status::kMalformed, "tensor %s has values that are not finite", quote(tensor.name).c_str());
  std::vector<std::byte> bytes(tensor.data.size());
  PUMICE_ASSIGN(const std::span<const std::byte> fetched, file.fetch(tensor.data, bytes));
  if (fetched.data() != bytes.data()) std::ranges::copy(fetched, bytes.begin());
  return bytes;
}

// That of the model which the pair `name` + ".lora_a" and ".lora_b" is for.
Result<const GgufTensor*> target_of(const Gguf& model, const std::string& name,
                                    std::span<const AdaptableMatrix> matrices) {
  const GgufTensor* const target = model.find_tensor(name);
  if (!target)
    return error(Status::kMalformed,
                 "the adapter is for a tensor %s, which the model has not got; give one made for it",
                 quote(name).c_str());
  const auto has = [&](const AdaptableMatrix& matrix) {
    return std::ranges::any_of(matrix.parts, [&](const auto& part) { return part.tensor == name; });
  };
  if (std::ranges::any_of(matrices, has)) return target;
  return error(Status::kUnsupported,
               "the adapter is for tensor %s, which cannot be adapted here; merge it into the model",
               quote(name).c_str());
}

Result<void> check_shapes(const GgufTensor& target, const GgufTensor& a, const GgufTensor& b) {
  const uint64_t rank = a.dims[1];
  const bool fits = a.dims == std::array<uint64_t, 4>{target.dims[0], rank, 1, 1} &&
                    b.dims == std::array<uint64_t, 4>{rank, target.dims[1], 1, 1} && target.dims[2] == 1 &&
                    target.dims[3] == 1;
  if (!fits)
    return error(Status::kMalformed, "%s %s and %s %s are not the two factors of %s %s", quote(a.name).c_str(),
                 render_shape(a).c_str(), quote(b.name).c_str(), render_shape(b).c_str(), quote(target.name).c_str(),
                 render_shape(target).c_str());
  if (rank > kMostRank)
    return error(Status::kUnsupported, "%s has a rank of %llu; at most %u is supported", quote(a.name).c_str(),
                 static_cast<unsigned long long>(rank), kMostRank);
  return {};
}

Result<Adapter::Tensor> read_pair(const Gguf& file, const GgufTensor& target, const GgufTensor& a, const GgufTensor& b,
                                  float alpha) {
  PUMICE_TRY(check_shapes(target, a, b));
  Adapter::Tensor tensor{.name = std::string(target.name),
                         .rows = static_cast<uint32_t>(target.dims[1]),
                         .cols = static_cast<uint32_t>(target.dims[0]),
                         .rank = static_cast<uint32_t>(a.dims[1]),
                         .a_type = a.type,
                         .b_type = b.type};
  if (alpha != 0) tensor.gain = alpha / static_cast<float>(tensor.rank);  // as in llama.cpp
  PUMICE_ASSIGN(tensor.a, finite_bytes(file, a));
  PUMICE_ASSIGN(tensor.b, finite_bytes(file, b));
  return tensor;
}

}  // namespace

Result<Adapter> Adapter::read(const Gguf& file, const Gguf& model, std::span<const AdaptableMatrix> matrices) {
  PUMICE_TRY(check_kind(file, model));
  const float alpha = file.get_f32("adapter.lora.alpha").value_or(0);
  if (!std::isfinite(alpha)) return error(Status::kMalformed, "adapter.lora.alpha is not finite");
  Adapter adapter;
  adapter.name_ = std::string(file.get_string("general.name").value_or(""));
  PUMICE_ASSIGN(adapter.digest_, model_digest(file));
  for (const GgufTensor& tensor : file.tensors()) {
    const bool is_a = tensor.name.ends_with(kEndA);
    if (!is_a && !tensor.name.ends_with(kEndB))
      return error(Status::kUnsupported, "tensor %s is no factor of an adapter", quote(tensor.name).c_str());
    const std::string name(tensor.name.substr(0, tensor.name.size() - kEndA.size()));
    const GgufTensor* const other = file.find_tensor(name + std::string(is_a ? kEndB : kEndA));
    if (!other)
      return error(Status::kMalformed, "tensor %s is alone; %s%s is missing", quote(tensor.name).c_str(),
                   quote(name).c_str(), std::string(is_a ? kEndB : kEndA).c_str());
    if (!is_a) continue;
    PUMICE_ASSIGN(const GgufTensor* const target, target_of(model, name, matrices));
    PUMICE_ASSIGN(Tensor pair, read_pair(file, *target, tensor, *other, alpha));
    adapter.tensors_.push_back(std::move(pair));
  }
  if (adapter.tensors_.empty()) return error(Status::kMalformed, "the adapter has no tensors");
  std::ranges::sort(adapter.tensors_, {}, &Tensor::name);
  return adapter;
}

const Adapter::Tensor* Adapter::find(std::string_view tensor) const {
  const auto found = std::ranges::lower_bound(tensors_, tensor, {}, &Tensor::name);
  return found != tensors_.end() && found->name == tensor ? &*found : nullptr;
}

uint32_t Adapter::most_rank() const { return std::ranges::max(tensors_, {}, &Tensor::rank).rank; }

}  // namespace pumice

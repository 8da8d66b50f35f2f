// AdapterFile: a small random LoRA adapter for a synthetic model, as GGUF in memory. Thread rule: pure functions.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reference/lora.h"
#include "support/generator.h"
#include "support/gguf_writer.h"

namespace pumice::test {

struct AdapterFile {
  struct Tensor {
    std::string name;  // of the model's: "blk.0.attn_q.weight"
    uint32_t rows = 0, cols = 0;
  };
  std::vector<Tensor> tensors;
  uint32_t rank = 4;
  float alpha = 8;  // 0: none is stated
  TensorType type = TensorType::kF32;
  uint64_t seed = 1;
  std::string architecture = "llama", kind = "adapter", form = "lora";
  std::function<bool(GgufWriter::Tensor&)> edit_tensor;  // false leaves it out
  std::function<void(GgufWriter&)> keys;
};

// The values of a factor, before they are rounded to a type.
inline std::vector<float> adapter_values(const AdapterFile& adapter, size_t tensor, bool b) {
  const AdapterFile::Tensor& of = adapter.tensors[tensor];
  const size_t count = size_t{adapter.rank} * (b ? of.rows : of.cols);
  // W x has a deviation near 1, and so shall what is added have: a tenth of it would hide too much.
  const double deviation = b ? 0.5 / std::sqrt(adapter.rank) : 1 / std::sqrt(of.cols);
  return Generator(adapter.seed * 1000 + 2 * tensor + b).normals(count, 0, deviation);
}

inline std::vector<std::byte> make_adapter(const AdapterFile& adapter) {
  GgufWriter writer;
  writer.string("general.architecture", adapter.architecture).string("general.type", adapter.kind);
  writer.string("adapter.type", adapter.form).string("general.name", "random");
  if (adapter.alpha != 0) writer.f32("adapter.lora.alpha", adapter.alpha);
  if (adapter.keys) adapter.keys(writer);
  for (size_t i = 0; i < adapter.tensors.size(); ++i)
    for (const bool b : {false, true}) {
      const AdapterFile::Tensor& of = adapter.tensors[i];
      const std::vector<float> values = adapter_values(adapter, i, b);
      ByteWriter halves;
      for (const float value : values) halves.put(float_to_half(value));
      GgufWriter::Tensor tensor{.name = of.name + (b ? ".lora_b" : ".lora_a"),
                                .dims = {b ? adapter.rank : of.cols, b ? of.rows : adapter.rank},
                                .type = static_cast<uint32_t>(adapter.type),
                                .data = adapter.type == TensorType::kF32 ? f32_bytes(values) : halves.bytes};
      if (!adapter.edit_tensor || adapter.edit_tensor(tensor)) writer.tensor(std::move(tensor));
    }
  return writer.finish();
}

// The adapter's tensors of a whole model whose names it is asked about; of two dimensions.
inline std::vector<AdapterFile::Tensor> tensors_named(std::span<const std::byte> model,
                                                      const std::function<bool(std::string_view)>& wanted) {
  std::vector<AdapterFile::Tensor> found;
  const Result<Gguf> file = Gguf::from_memory(model);
  for (const GgufTensor& tensor : file->tensors())
    if (tensor.dim_count == 2 && wanted(tensor.name))
      found.push_back(
          {std::string(tensor.name), static_cast<uint32_t>(tensor.dims[1]), static_cast<uint32_t>(tensor.dims[0])});
  return found;
}

// The model's F32 tensors become what they are with `scale` of the adapter.
inline void merge_adapter(std::vector<std::byte>& model, const AdapterFile& adapter, float scale) {
  const Result<Gguf> file = Gguf::from_memory(model);
  for (size_t i = 0; i < adapter.tensors.size(); ++i) {
    const GgufTensor& tensor = *file->find_tensor(adapter.tensors[i].name);
    std::vector<float> w(tensor.data.size() / sizeof(float)), a = adapter_values(adapter, i, false),
                                                              b = adapter_values(adapter, i, true);
    std::memcpy(w.data(), tensor.data.data(), tensor.data.size());
    for (std::vector<float>* factor : {&a, &b})
      for (float& value : *factor)
        if (adapter.type == TensorType::kF16) value = half_to_float(float_to_half(value));
    const double gain = adapter.alpha != 0 ? static_cast<double>(adapter.alpha) / adapter.rank : 1;
    reference::merge_lora(w, a, b, adapter.rank, gain * static_cast<double>(scale));
    std::memcpy(model.data() + (tensor.data.data() - model.data()), w.data(), tensor.data.size());
  }
}

}  // namespace pumice::test

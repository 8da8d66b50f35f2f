#include "engine/adapters.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "model/step_list.h"

namespace pumice {
namespace {

constexpr std::string_view kLine = "adapter ";
constexpr size_t kScaleDigits = 8;

// "adapter DIGEST SCALE\n", the scale as the hexadecimal digits of its bits.
std::string line_of(const Adapter& adapter, float scale) {
  char bits[kScaleDigits + 1];
  std::snprintf(bits, sizeof bits, "%08x", std::bit_cast<uint32_t>(scale));
  return std::string(kLine) + adapter.digest() + " " + bits + "\n";
}

Error no_identity() { return error(Status::kMalformed, "what it says of adapters is damaged"); }

}  // namespace

std::vector<const Adapter*> pointers_of(Adapters adapters) {
  std::vector<const Adapter*> pointers;
  for (const std::shared_ptr<const Adapter>& adapter : adapters) pointers.push_back(adapter.get());
  return pointers;
}

Result<void> check_adapter(const Model& model, const Adapter& adapter) {
  RecordList list;
  vk::CommandStream nothing;
  const std::set<uint32_t> reached =
      list_adaptable({model.kernels(), nothing, &list}, {model.spec(), model.weights(), {}});
  const std::span<const AdaptableMatrix> matrices = model.adaptable();
  for (const Adapter::Tensor& tensor : adapter.tensors()) {
    bool found = false;
    for (uint32_t i = 0; i < matrices.size(); ++i) {
      if (!std::ranges::any_of(matrices[i].parts, [&](const auto& part) { return part.tensor == tensor.name; }))
        continue;
      if (matrices[i].cols != tensor.cols) return error(Status::kInvalidArgument, "an adapter of another model");
      if (!reached.contains(i))
        return error(Status::kUnsupported,
                     "the adapter is for tensor %s, which cannot be adapted here; merge it into the model",
                     quote(tensor.name).c_str());
      found = true;
    }
    if (!found) return error(Status::kInvalidArgument, "an adapter of another model");
  }
  return {};
}

Result<SequenceAdapters> choose_adapters(Adapters adapters, std::span<const float> scales) {
  if (scales.size() != adapters.size())
    return error(Status::kInvalidArgument, "%zu scales for the context's %zu adapters; give one for each",
                 scales.size(), adapters.size());
  SequenceAdapters chosen;
  for (size_t i = 0; i < scales.size(); ++i) {
    if (!std::isfinite(scales[i])) return error(Status::kInvalidArgument, "the scale of an adapter is not finite");
    if (scales[i] != 0) chosen.identity += line_of(*adapters[i], scales[i]);
  }
  if (!chosen.identity.empty()) chosen.scales.assign(scales.begin(), scales.end());
  return chosen;
}

Result<SequenceAdapters> find_adapters(Adapters adapters, std::string_view identity) {
  std::vector<float> scales(adapters.size());
  size_t next = 0;  // adapters come in the context's order
  while (!identity.empty()) {
    const size_t end = identity.find('\n');
    if (end == std::string_view::npos || end < kLine.size() + kScaleDigits + 2 || !identity.starts_with(kLine))
      return no_identity();
    const std::string_view digest = identity.substr(kLine.size(), end - kLine.size() - kScaleDigits - 1);
    const char* const last = identity.data() + end;
    uint32_t bits = 0;
    if (std::from_chars(last - kScaleDigits, last, bits, 16).ptr != last || !std::isfinite(std::bit_cast<float>(bits)))
      return no_identity();
    while (next < adapters.size() && adapters[next]->digest() != digest) ++next;
    if (next == adapters.size())
      return error(Status::kUnsupported,
                   "it was made with an adapter (digest %s) that the context has not got, or not in that order; give "
                   "the context the same adapters",
                   quote(digest).c_str());
    scales[next++] = std::bit_cast<float>(bits);
    identity.remove_prefix(end + 1);
  }
  return choose_adapters(adapters, scales);
}

}  // namespace pumice

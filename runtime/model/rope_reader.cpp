
#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "format/dequantize.h"
#include "model/spec_reader.h"

namespace pumice {
namespace {

struct Scaling {
  double base = 10000;
  double factor = 1;           // by which positions are divided
  double extension = 0;        // of YaRN: how much of the pairs that turn fast is left undivided, 0 to 1
  double first = 0, last = 0;  // of YaRN: pairs up to the first are undivided, from the last on divided
  double magnitude = 1;        // of rotated queries and keys
};

// The pair that turns `turns` times in the length that the model was first trained for (Peng et al. 2023, section 3.2).
double pair_of(double turns, double original, double rotary, double base) {
  return rotary * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(base));
}

Result<void> read_yarn(KeyReader& reader, const RopeSpec& rope, bool by_type, Scaling& scaling) {
  PUMICE_ASSIGN(const float extension, reader.number("rope.scaling.yarn_ext_factor", -1));
  PUMICE_ASSIGN(const float fast, reader.number("rope.scaling.yarn_beta_fast", 32));
  PUMICE_ASSIGN(const float slow, reader.number("rope.scaling.yarn_beta_slow", 1));
  PUMICE_ASSIGN(const float log_multiplier, reader.number("rope.scaling.yarn_log_multiplier", 0));
  scaling.extension = extension < 0 ? (by_type ? 1 : 0) : static_cast<double>(extension);
  if (scaling.extension == 0) return {};
  const uint32_t original = rope.original_context;
  if (original == 0 || !(fast > 0) || !(slow > 0) || !(scaling.base > 1))
    return error(Status::kMalformed, "%s, .yarn_beta_fast, .yarn_beta_slow or rope.freq_base is out of range",
                 reader.key("rope.scaling.original_context_length").c_str());
  const double n = original, rotary = rope.rotary;
  scaling.first = std::max(0.0, std::floor(pair_of(static_cast<double>(fast), n, rotary, scaling.base)));
  scaling.last = std::min(rotary - 1, std::ceil(pair_of(static_cast<double>(slow), n, rotary, scaling.base)));
  const auto magnitude = [&](double multiplier) {
    return scaling.factor <= 1 ? 1.0 : 0.1 * multiplier * std::log(scaling.factor) + 1;
  };
  scaling.magnitude = magnitude(1) / (log_multiplier != 0 ? magnitude(static_cast<double>(log_multiplier)) : 1);
  return {};
}

Result<Scaling> read_scaling(KeyReader& reader, const RopeSpec& rope, std::string_view base_key, bool none_scales) {
  Scaling scaling;
  PUMICE_ASSIGN(const float base, reader.number(base_key, 10000));
  if (!(base > 0)) return error(Status::kMalformed, "%s is not positive", reader.key(base_key).c_str());
  scaling.base = static_cast<double>(base);
  // Where no type is given a factor is linear, by its present or its old name; 0 means that nothing is scaled.
  PUMICE_ASSIGN(const std::string_view type, reader.text("rope.scaling.type", "linear"));
  if (type != "none" && type != "linear" && type != "yarn" && type != "longrope")
    return error(Status::kUnsupported, "%s is %s, which is not supported; none, linear, yarn and longrope are",
                 reader.key("rope.scaling.type").c_str(), quote(type).c_str());
  PUMICE_ASSIGN(const float old_factor, reader.number("rope.scale_linear", 0));
  PUMICE_ASSIGN(const float factor, reader.number("rope.scaling.factor", old_factor));
  if (factor < 0) return error(Status::kMalformed, "%s is negative", reader.key("rope.scaling.factor").c_str());
  if (factor > 0 && (none_scales || type != "none")) scaling.factor = static_cast<double>(factor);
  PUMICE_TRY(read_yarn(reader, rope, type == "yarn", scaling));
  PUMICE_ASSIGN(const float magnitude, reader.number("rope.scaling.attn_factor", 1));
  scaling.magnitude *= static_cast<double>(magnitude);
  return scaling;
}

// A file's own divisors of each pair's angle.
struct Factors {
  const char* name;
  std::vector<float> values;  // empty: it has none of that name
};

Result<Factors> read_factors(const Gguf& file, const char* name, uint32_t pairs) {
  const GgufTensor* factors = file.find_tensor(name);
  if (!factors) return Factors{name, {}};
  if (factors->type != TensorType::kF32 || factors->cols() != pairs || factors->rows() != 1)
    return error(Status::kMalformed, "%s is not %u floats", name, pairs);
  PUMICE_ASSIGN(std::vector<float> values, fetch_values(file, *factors));
  return Factors{name, std::move(values)};
}

Result<std::vector<double>> make_radians(KeyReader& reader, const Scaling& scaling, uint32_t rotary,
                                         const Factors& factors) {
  std::vector<double> all;
  for (uint32_t i = 0; i < rotary / 2; ++i) {
    const double factor = factors.values.empty() ? 1.0 : static_cast<double>(factors.values[i]);
    const double plain = std::pow(scaling.base, -2.0 * i / rotary) / factor;
    const double place = (i - scaling.first) / std::max(0.001, scaling.last - scaling.first);
    const double undivided = scaling.extension * (1 - std::clamp(place, 0.0, 1.0));
    const double radians = plain / scaling.factor * (1 - undivided) + plain * undivided;
    if (!std::isfinite(radians) || std::fabs(radians) > 1e6)
      return error(Status::kMalformed, "%s and %s[%u] = %g give an angle of %g", reader.key("rope.freq_base").c_str(),
                   factors.name, i, factor, radians);
    all.push_back(radians);
  }
  return all;
}

}  // namespace

Result<RopeSpec> read_rope(KeyReader& reader, RopePairs pairs, uint32_t head_dim, uint32_t context_length,
                           std::string_view base_key, bool none_scales) {
  RopeSpec rope{.pairs = pairs};
  PUMICE_ASSIGN(rope.rotary, reader.count("rope.dimension_count", head_dim));
  if (rope.rotary == 0 || rope.rotary > head_dim || rope.rotary % 2 != 0)
    return error(Status::kMalformed, "%s is %u for heads of %u", reader.key("rope.dimension_count").c_str(),
                 rope.rotary, head_dim);
  PUMICE_ASSIGN(rope.original_context, reader.count("rope.scaling.original_context_length", context_length));
  PUMICE_ASSIGN(const Scaling scaling, read_scaling(reader, rope, base_key, none_scales));
  rope.magnitude = scaling.magnitude;
  PUMICE_ASSIGN(Factors factors, read_factors(reader.file(), "rope_freqs.weight", rope.rotary / 2));
  if (!reader.has_rope_factors()) factors.values.clear();
  if (factors.values.empty()) {
    PUMICE_ASSIGN(factors, read_factors(reader.file(), "rope_factors_short.weight", rope.rotary / 2));
    PUMICE_ASSIGN(const Factors longer, read_factors(reader.file(), "rope_factors_long.weight", rope.rotary / 2));
    if (!longer.values.empty()) {
      PUMICE_ASSIGN(rope.long_radians, make_radians(reader, scaling, rope.rotary, longer));
    }
  }
  PUMICE_ASSIGN(rope.radians, make_radians(reader, scaling, rope.rotary, factors));
  return rope;
}

Result<void> read_grid_axes(KeyReader& reader, AxisOrder order, ModelSpec& spec) {
  PUMICE_ASSIGN(const bool any, reader.has_sections());
  if (!any) return {};
  const auto sections = reader.file().get_i32_array(reader.key("rope.dimension_sections"));
  if (sections->size() < 3 || std::any_of(sections->begin(), sections->end(), [](int32_t n) { return n < 0; }))
    return error(Status::kMalformed, "%s is not an array of counts", reader.key("rope.dimension_sections").c_str());
  const auto count = [&](size_t i) { return static_cast<size_t>((*sections)[i]); };
  for (RopeSpec& rope : spec.ropes) {
    rope.axes.assign(rope.radians.size(), RopeAxis::kNone);
    for (size_t i = 0; i < rope.axes.size(); ++i) {
      const bool row =
          order == AxisOrder::kRuns ? i >= count(0) && i < count(0) + count(1) : i % 3 == 1 && i < 3 * count(1);
      const bool column = order == AxisOrder::kRuns ? i >= count(0) + count(1) && i < count(0) + count(1) + count(2)
                                                    : i % 3 == 2 && i < 3 * count(2);
      rope.axes[i] = row ? RopeAxis::kRow : column ? RopeAxis::kColumn : RopeAxis::kNone;
    }
  }
  return {};
}

}  // namespace pumice

#include "model/tower_weights.h"

#include <cmath>
#include <utility>

#include "kernels/attention.h"

namespace pumice {
namespace {

// The kernels of one picture and of a film's second one are summed: a picture is a film that stands still.
Result<Projection> bind_patches(const TowerSpec& spec, WeightReader& reader) {
  const uint32_t width = spec.layers.width, count = spec.patch_values(), columns = patch_columns(spec);
  const std::string name = "v.patch_embd";
  PUMICE_ASSIGN(std::vector<float> values, reader.all_values(name + ".weight", uint64_t{width} * count));
  if (reader.has_tensor(name + ".weight.1")) {
    PUMICE_ASSIGN(const std::vector<float> second, reader.all_values(name + ".weight.1", uint64_t{width} * count));
    for (size_t i = 0; i < values.size(); ++i) values[i] += second[i];
  }
  std::vector<float> padded(uint64_t{width} * columns);
  for (size_t row = 0; row < width; ++row)
    std::copy_n(values.begin() + static_cast<ptrdiff_t>(row * count), count,
                padded.begin() + static_cast<ptrdiff_t>(row * columns));
  return reader.matrix_of(name, width, columns, padded, WithBias::kNo);
}

// Whether it is there or not.
Result<std::vector<float>> optional_values(const std::string& name, uint64_t count, WeightReader& reader) {
  if (!reader.has_tensor(name)) return std::vector<float>();
  return reader.all_values(name, count);
}

Result<void> bind_host_tables(const TowerSpec& spec, WeightReader& reader, TowerWeights& weights) {
  const uint64_t width = spec.layers.width;
  PUMICE_ASSIGN(weights.bias, optional_values("v.patch_embd.bias", width, reader));
  const uint64_t tables = spec.positions == PatchPositions::kOfSides ? 2 : 1;
  if (spec.positions != PatchPositions::kNone) {
    PUMICE_ASSIGN(weights.positions, reader.all_values("v.position_embd.weight", tables * spec.table_rows * width));
  }
  if (spec.class_row) {
    PUMICE_ASSIGN(weights.class_row, reader.all_values("v.class_embd", width));
  }
  if (spec.row_breaks) {
    PUMICE_ASSIGN(weights.row_break, reader.all_values("v.token_embd.img_break", spec.text_width()));
  }
  return {};
}

// A matrix as the layer multiplies with it.
Result<Projection> bind_layer(const TowerSpec& spec, const TowerLayer& layer, WeightReader& reader) {
  if (layer.form == TowerLayer::Form::kPlain) return reader.projection(layer.name, layer.rows, layer.cols);
  const uint64_t rows = layer.rows, cols = layer.cols;
  std::vector<float> values(rows * cols);
  if (layer.form == TowerLayer::Form::kTransposed) {
    PUMICE_ASSIGN(const std::vector<float> stored, reader.values(layer.name + ".weight", cols, rows));
    for (size_t row = 0; row < rows; ++row)
      for (size_t col = 0; col < cols; ++col) values[row * cols + col] = stored[col * rows + row];
  } else {
    PUMICE_ASSIGN(const std::vector<float> stored, reader.values(layer.name + ".weight", rows, cols));
    const size_t patches = size_t{spec.merge} * spec.merge, width = spec.layers.width;
    for (size_t row = 0; row < rows; ++row)
      for (size_t patch = 0; patch < patches; ++patch)
        for (size_t i = 0; i < width; ++i)
          values[row * cols + patch * width + i] = stored[row * cols + i * patches + patch];
  }
  return reader.matrix_of(layer.name, rows, cols, values);
}

// As a layer: sqrt(width) * scale on the diagonal, and -bias * scale.
Result<Projection> bind_standard(const TowerSpec& spec, WeightReader& reader) {
  const uint64_t width = spec.layers.width;
  PUMICE_ASSIGN(const std::vector<float> scale, reader.all_values("v.std_scale", width));
  PUMICE_ASSIGN(std::vector<float> bias, reader.all_values("v.std_bias", width));
  const float root = std::sqrt(static_cast<float>(width));
  std::vector<float> values(width * width);
  for (size_t i = 0; i < width; ++i) {
    values[i * width + i] = root * scale[i];
    bias[i] *= -scale[i];
  }
  PUMICE_ASSIGN(Projection projection, reader.matrix_of("v.std_scale", width, width, values, WithBias::kNo));
  PUMICE_ASSIGN(projection.bias, reader.floats(bias));
  return projection;
}

Result<void> bind_projector(const TowerSpec& spec, WeightReader& reader, TowerWeights& weights) {
  if (spec.merged_norm == kBareNorm) {
    PUMICE_ASSIGN(weights.merged_norm, reader.constant(spec.layers.width, 1));
  } else if (spec.merged_norm) {
    PUMICE_ASSIGN(weights.merged_norm, reader.vector(*spec.merged_norm, spec.layers.width));
  }
  if (spec.standardised) {
    PUMICE_ASSIGN(weights.standard, bind_standard(spec, reader));
  }
  for (const TowerLayer& layer : spec.projection) {
    PUMICE_ASSIGN(Projection bound, bind_layer(spec, layer, reader));
    weights.projection.push_back(std::move(bound));
  }
  for (const DeepStackSpec& deep : spec.deep) {
    DeepStackWeights bound;
    PUMICE_ASSIGN(bound.norm, reader.norm(deep.norm, uint64_t{spec.layers.width} * spec.merge * spec.merge, true));
    PUMICE_ASSIGN(bound.first, bind_layer(spec, deep.layers[0], reader));
    PUMICE_ASSIGN(bound.second, bind_layer(spec, deep.layers[1], reader));
    weights.deep.push_back(std::move(bound));
  }
  return {};
}

// Of a file that also hears, the other half is left alone.
Result<TowerWeights> bind_tower(const TowerSpec& spec, WeightReader& reader) {
  TowerWeights weights;
  PUMICE_ASSIGN(weights.layers, bind_weights(spec.layers, reader));
  std::vector<std::string> unused = spec.layers.unused_tensors;
  for (const char* other : {"a.", "mm.a."}) unused.push_back(other);
  reader.ignore(std::move(unused));
  PUMICE_ASSIGN(weights.patches, bind_patches(spec, reader));
  PUMICE_TRY(bind_host_tables(spec, reader, weights));
  PUMICE_TRY(bind_projector(spec, reader, weights));
  PUMICE_TRY(reader.check_rest());
  return weights;
}

}  // namespace

Result<void> check_tower(const Gguf& file, const TowerSpec& spec) {
  WeightReader reader(file);
  PUMICE_ASSIGN([[maybe_unused]] const TowerWeights weights, bind_tower(spec, reader));
  return {};
}

Result<Tower> Tower::load(Kernels& kernels, const Gguf& file, uint32_t text_width, const LoadProgress& progress) {
  Tower tower;
  tower.kernels_ = &kernels;
  PUMICE_ASSIGN(tower.spec_, describe_tower(file));
  const TowerSpec& spec = tower.spec_;
  if (spec.text_width() != text_width)
    return error(Status::kUnsupported,
                 "the projector makes rows of %u values, the language model has %u; give the one that came with it",
                 spec.text_width(), text_width);
  PUMICE_TRY(check_tower(file, spec));
  const AttentionSpec& attention = spec.layers.layers[0].attention;
  if (!attention_fits(kernels.caps(), 1, attention.head_dim))
    return error(Status::kUnsupported, "no attention kernel of this device takes heads of %u", attention.head_dim);
  PUMICE_ASSIGN(Uploader uploader, Uploader::create(kernels.device(), {.file = &file}));
  WeightReader reader(file, uploader);
  PUMICE_ASSIGN(tower.weights_, bind_tower(spec, reader));
  tower.bytes_ = reader.bytes();
  PUMICE_TRY(uploader.finish(progress));
  return tower;
}

}  // namespace pumice

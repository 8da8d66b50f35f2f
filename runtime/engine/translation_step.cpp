#include "engine/translation_step.h"

#include <algorithm>

#include "shared/attention.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

// K and V of each layer that has them.
PageShape shape_of(const ModelSpec& spec, const KvFormat& kv, const AttentionSpec LayerSpec::* attention) {
  PageShape shape;
  for (const LayerSpec& layer : spec.layers) {
    const AttentionSpec& of = layer.*attention;
    if (of.heads == 0) continue;
    shape.region_words.push_back(of.kv_heads * kv_words(kv.k, of.head_dim));
    shape.region_words.push_back(of.kv_heads * kv_words(kv.v, of.head_dim));
  }
  if (shape.region_words.empty()) shape.region_words.push_back(1);  // pages have bytes
  return shape;
}

// Decode attention over up to `tokens` keys.
void fill_arguments(const vk::Buffer& buffer, uint32_t rows, uint32_t kv_heads, uint32_t tokens) {
  auto* counts = buffer.mapped_as<uint32_t>();
  counts[0] = rows;
  counts[1] = std::max(kv_heads, 1u);
  counts[2] = divide_up(std::max(tokens, 1u), kAttentionDecodePages * kPageTokens);
}

}  // namespace

Result<std::unique_ptr<TranslationStep>> TranslationStep::create(const Model& model, const TranslationShape& shape) {
  const ModelSpec& spec = model.spec();
  if (spec.encoder.empty())
    return error(Status::kUnsupported, "the model (%s) does not translate: it has no encoder",
                 spec.architecture.c_str());
  vk::Device& device = model.kernels().device();
  std::unique_ptr<TranslationStep> step(new TranslationStep());
  step->model_ = &model;
  step->shape_ = shape;
  step->attends_ = spec.most_kv_heads() != 0;
  const bool hears = spec.encoder[0].sound_bands != 0;
  const uint32_t texts = hears ? shape.encoded_rows / spec.encoder[0].context_length : shape.rows;
  PUMICE_ASSIGN(step->encoding_,
                EncodingStep::create(EncodingModel::encoder_of(model), {.rows = shape.encoded_rows,
                                                                        .texts = texts,
                                                                        .text_tokens = shape.source_tokens,
                                                                        .kv = shape.kv,
                                                                        .rows_wanted = false}));
  const uint32_t cross_width = 2 * spec.layers[0].cross.kv_width();
  if (cross_width > spec.encoder[0].widest_projection() || spec.encoder[0].width != spec.width)
    return error(Status::kUnsupported, "a decoder of width %u behind an encoder of width %u is not supported",
                 spec.width, spec.encoder[0].width);
  PUMICE_ASSIGN(step->sources_,
                PagePool::create(device, shape_of(spec, shape.kv, &LayerSpec::cross), shape.source_pages));
  PUMICE_ASSIGN(step->targets_,
                PagePool::create(device, shape_of(spec, shape.kv, &LayerSpec::attention), shape.target_pages));
  step->source_transfer_ = PageTransfer(device, step->sources_);
  step->target_transfer_ = PageTransfer(device, step->targets_);
  const uint32_t most_rows = std::max(shape.rows, shape.prompt_tokens);
  PUMICE_ASSIGN(step->work_, Workspace::create(device, spec,
                                               {.rows = most_rows,
                                                .logit_rows = shape.rows,
                                                .context_tokens = std::max(shape.source_tokens, shape.target_tokens),
                                                .decode_rows = most_rows}));
  PUMICE_TRY(step->create_buffers());
  step->bind_pages();
  return step;
}

Result<void> TranslationStep::create_buffers() {
  vk::Device& device = model_->kernels().device();
  const auto shared = [&](uint64_t words) { return device.create_buffer(4 * words, vk::MemoryIntent::kShared); };
  const uint64_t rows = shape_.rows, source_pages = pages_for(shape_.source_tokens);
  const uint64_t most_rows = work_.shape.rows;
  PUMICE_ASSIGN(rows_, shared(most_rows * sizeof(StepRow) / 4));
  PUMICE_ASSIGN(cross_rows_, shared(most_rows * sizeof(StepRow) / 4));
  PUMICE_ASSIGN(table_, shared(rows * pages_for(shape_.target_tokens)));
  PUMICE_ASSIGN(cross_table_, shared(rows * source_pages));
  PUMICE_ASSIGN(encoded_table_, shared(rows * source_pages));
  PUMICE_ASSIGN(arguments_, shared(3));
  PUMICE_ASSIGN(cross_arguments_, shared(3));
  PUMICE_ASSIGN(parents_, shared(rows));
  PUMICE_ASSIGN(logits_, device.create_buffer(4 * rows * logit_stride(), vk::MemoryIntent::kReadback));
  PUMICE_ASSIGN(stream_, vk::CommandStream::create(device));
  for (const LayerSpec& layer : model_->spec().layers) {
    States states{.stride = layer.recurrence.state_floats()};
    if (states.stride != 0) {
      PUMICE_ASSIGN(vk::Buffer buffer, device.create_buffer(8 * rows * states.stride, vk::MemoryIntent::kDevice));
      states.view = buffer;
      state_buffers_.push_back(std::move(buffer));
    }
    states_.push_back(states);
  }
  return {};
}

void TranslationStep::bind_pages() {
  uint32_t region = 0, cross_region = 0;
  for (const LayerSpec& layer : model_->spec().layers) {
    const auto pages = [&](const PagePool& pool, uint32_t& next, bool there, const vk::Buffer& table, uint32_t tokens) {
      KvPages of{.format = shape_.kv, .page_table = table, .pages_per_slot = pages_for(tokens)};
      if (!there) return of;
      of.k = pool.whole(next++);
      of.v = pool.whole(next++);
      return of;
    };
    pages_.push_back(pages(targets_, region, layer.attention.heads != 0, table_, shape_.target_tokens));
    cross_pages_.push_back(pages(sources_, cross_region, layer.crosses(), cross_table_, shape_.source_tokens));
    encoded_pages_.push_back(cross_pages_.back());
    encoded_pages_.back().page_table = encoded_table_;
  }
}

Result<void> TranslationStep::encode(std::span<const Source> sources, const EncodingStep::GoOn& go_on) {
  PUMICE_TRY(encoding_.settle());  // one that was cancelled reads the table
  std::vector<std::span<const int32_t>> texts;
  std::vector<std::span<const float>> sounds;
  auto* table = encoded_table_.mapped_as<uint32_t>();
  for (size_t i = 0; i < sources.size(); ++i) {
    std::copy(sources[i].pages.begin(), sources[i].pages.end(), table + i * pages_for(shape_.source_tokens));
    texts.push_back(sources[i].ids);
    if (!sources[i].sound.empty()) sounds.push_back(sources[i].sound);
  }
  const auto cross = [&](Recorder recorder, const StepContext& encoder) {
    StepContext context{
        .spec = model_->spec(), .weights = model_->weights(), .work = encoder.work, .step = encoder.step};
    context.step.cross.pages = encoded_pages_;
    for (size_t layer = 0; layer < model_->spec().layers.size(); ++layer)
      record_cross_source(recorder, context, layer, encoder.hidden());
  };
  PUMICE_ASSIGN(const size_t lane,
                sounds.empty() ? encoding_.submit(texts, cross) : encoding_.submit_sounds(sounds, cross));
  PUMICE_TRY(encoding_.wait(lane, go_on));
  return {};
}

void TranslationStep::fill(std::span<const Row> rows) {
  auto *own = rows_.mapped_as<StepRow>(), *cross = cross_rows_.mapped_as<StepRow>();
  auto *table = table_.mapped_as<uint32_t>(), *cross_table = cross_table_.mapped_as<uint32_t>();
  auto* parents = parents_.mapped_as<uint32_t>();
  uint32_t longest = 1, longest_source = 1;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    own[i] = {.token = static_cast<uint32_t>(row.token), .position = row.position, .slot = i, .live = 1};
    cross[i] = {.token = 0, .position = row.source_tokens - 1, .slot = i, .live = 1};
    std::copy(row.pages.begin(), row.pages.end(), table + i * pages_for(shape_.target_tokens));
    std::copy(row.source.begin(), row.source.end(), cross_table + i * pages_for(shape_.source_tokens));
    parents[i] = row.parent;
    longest = std::max(longest, row.position + 1);
    longest_source = std::max(longest_source, row.source_tokens);
  }
  const ModelSpec& spec = model_->spec();
  const auto n = static_cast<uint32_t>(rows.size());
  fill_arguments(arguments_, n, spec.layers[0].attention.kv_heads, longest);
  fill_arguments(cross_arguments_, n, spec.layers[0].cross.kv_heads, longest_source);
}

void TranslationStep::fill(const Prompt& prompt) {
  auto *own = rows_.mapped_as<StepRow>(), *cross = cross_rows_.mapped_as<StepRow>();
  const auto n = static_cast<uint32_t>(prompt.tokens.size());
  for (uint32_t i = 0; i < n; ++i) {
    own[i] = {.token = static_cast<uint32_t>(prompt.tokens[i]), .position = prompt.position + i, .slot = 0, .live = 1};
    cross[i] = {.token = 0, .position = prompt.source_tokens - 1, .slot = 0, .live = 1};
  }
  std::copy(prompt.pages.begin(), prompt.pages.end(), table_.mapped_as<uint32_t>());
  std::copy(prompt.source.begin(), prompt.source.end(), cross_table_.mapped_as<uint32_t>());
  fill_arguments(cross_arguments_, n, model_->spec().layers[0].cross.kv_heads, prompt.source_tokens);
}

Result<const float*> TranslationStep::step(std::span<const Row> rows) {
  const auto n = static_cast<uint32_t>(rows.size());
  PUMICE_CHECK(n > 0 && n <= shape_.rows);
  fill(rows);
  const uint32_t from = steps_ % 2 * shape_.rows, to = shape_.rows - from;
  ++steps_;
  const vk::BufferView arguments = arguments_;
  return run({.n = n,
              .one_sequence = false,
              .decode_arguments = &arguments,
              .logit_count = n,
              .branching = {.parents = parents_, .from = from, .to = to}});
}

Result<const float*> TranslationStep::prefill(const Prompt& prompt) {
  const auto n = static_cast<uint32_t>(prompt.tokens.size());
  PUMICE_CHECK(n > 0 && n <= shape_.prompt_tokens && attends_ && state_buffers_.empty());
  if (n == 1) {  // by the kernels of the steps that follow
    const Row row{.token = prompt.tokens[0],
                  .position = prompt.position,
                  .pages = prompt.pages,
                  .source = prompt.source,
                  .source_tokens = prompt.source_tokens};
    return step({&row, 1});
  }
  fill(prompt);
  return run({.n = n, .first_logit = n - 1, .logit_count = 1});
}

Result<const float*> TranslationStep::run(const StepShape& shape) {
  const uint64_t bytes = uint64_t{4} * shape.logit_count * logit_stride();
  PUMICE_TRY(run(shape, [&] { stream_.copy({work_.logits, 0, bytes}, {logits_, 0, bytes}); }));
  return logits_.mapped_as<float>();
}

Result<void> TranslationStep::run(const StepShape& shape, const std::function<void()>& behind) {
  StepContext context{.spec = model_->spec(),
                      .weights = model_->weights(),
                      .work = work_,
                      .pages = pages_,
                      .states = states_,
                      .step = shape};
  context.step.step_rows = rows_;
  context.step.cross.pages = cross_pages_;
  context.step.cross.step_rows = cross_rows_;
  context.step.cross.arguments = cross_arguments_;
  stream_.begin();
  record_step({model_->kernels(), stream_}, context);
  behind();
  PUMICE_TRY(stream_.end());
  vk::Device& device = model_->kernels().device();
  PUMICE_ASSIGN(const uint64_t value, stream_.submit());
  PUMICE_ASSIGN(const bool reached, device.wait(value));
  PUMICE_CHECK(reached);
  return {};
}

}  // namespace pumice

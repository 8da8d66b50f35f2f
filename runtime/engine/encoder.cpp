#include "engine/encoder.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "kernels/device_policy.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kLongestText = 8192;       // by default
constexpr uint32_t kTokensOfShortText = 8;    // a step has room for texts of so many
constexpr std::chrono::seconds kPatience{2};  // for the tiers

Result<Pooling> choose_pooling(const ModelSpec& spec, const EncoderOptions& options) {
  const Pooling pooling =
      options.pooling.value_or(spec.pooling.value_or(spec.causal ? Pooling::kLast : Pooling::kMean));
  if (pooling == Pooling::kRank && (spec.pooling != Pooling::kRank || spec.pooled.empty()))
    return error(Status::kUnsupported, "the model has no classifier to rank texts by; take a reranker");
  return pooling;
}

PageKey root_of(const Secret& secret, const EncoderOptions& options, Pooling pooling) {
  KeyHasher hasher(secret);
  return hasher.field("root", "vectors of texts")
      .field("model", options.identity)
      .field("group", options.group)
      .field("pooling", static_cast<uint64_t>(pooling))
      .field("normalised", options.normalise ? 1 : 0)
      .field("k", static_cast<uint64_t>(options.kv.k))
      .field("v", static_cast<uint64_t>(options.kv.v))
      .finish();
}

void normalise(std::span<float> vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
  if (squares == 0) return;
  const double factor = 1 / std::sqrt(squares);
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) * factor);
}

// exp(value) of each, by their sum.
void to_shares(std::span<float> values) {
  const float highest = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (const float value : values) sum += std::exp(static_cast<double>(value - highest));
  for (float& value : values) value = static_cast<float>(std::exp(static_cast<double>(value - highest)) / sum);
}

}  // namespace

Encoder::Encoder(const EncodingModel& model, const EncoderOptions& options, Pooling pooling)
    : model_(model), options_(options), pooling_(pooling) {}

Result<std::unique_ptr<Encoder>> Encoder::create(const Model& model, const EncoderOptions& options) {
  const EncodingModel stack =
      model.spec().encoder.empty() ? EncodingModel::of(model) : EncodingModel::encoder_of(model);
  const ModelSpec& spec = *stack.spec;
  if (spec.sound_bands != 0)
    return error(Status::kUnsupported, "the model (%s) hears, and makes no vectors of texts; take pumice_transcribe",
                 spec.architecture.c_str());
  PUMICE_ASSIGN(const Pooling pooling, choose_pooling(spec, options));
  std::unique_ptr<Encoder> encoder(new Encoder(stack, options, pooling));
  const uint32_t usual = std::min(spec.context_length, kLongestText);
  if (options.text_tokens > spec.context_length)
    return error(Status::kInvalidArgument, "texts of %u tokens are longer than the model takes: %u",
                 options.text_tokens, spec.context_length);
  encoder->text_tokens_ = options.text_tokens ? options.text_tokens : usual;
  const DevicePolicy policy = device_policy(model.kernels().caps());
  encoder->batch_tokens_ = options.batch_tokens ? options.batch_tokens : 4 * policy.prefill_slice;
  if (!options.cache) return encoder;
  if (options.secret) {
    encoder->secret_ = *options.secret;
  } else {
    PUMICE_ASSIGN(encoder->secret_, random_secret());
  }
  encoder->root_ = root_of(encoder->secret_, options, pooling);
  TieredStoreOptions store = options.store;
  store.secret = store_secret(encoder->secret_);
  PUMICE_ASSIGN(encoder->store_, TieredStore::create(store));
  return encoder;
}

uint32_t Encoder::width() const {
  const ModelSpec& spec = *model_.spec;
  return pooling_ == Pooling::kNone || spec.pooled.empty() ? spec.width : spec.pooled.back().rows;
}

std::optional<StoreStats> Encoder::store_stats() const {
  return store_ ? std::optional(store_->stats()) : std::nullopt;
}

Result<void> Encoder::check(std::span<const TokenSpan> texts) const {
  const auto vocabulary = static_cast<int64_t>(model_.spec->vocabulary);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) return error(Status::kInvalidArgument, "text %zu has no tokens", i + 1);
    if (texts[i].size() > text_tokens_)
      return error(Status::kInvalidArgument, "text %zu has %zu tokens, and %u is the most: shorten it", i + 1,
                   texts[i].size(), text_tokens_);
    for (const int32_t id : texts[i])
      if (id < 0 || id >= vocabulary)
        return error(Status::kInvalidArgument, "text %zu: %d is not a token id of the model", i + 1, id);
  }
  return {};
}

// Rows for the longest text there has been.
Result<void> Encoder::make_room(std::span<const TokenSpan> texts) {
  size_t longest = 0;
  for (const TokenSpan text : texts) longest = std::max(longest, text.size());
  const uint32_t rows = std::max(batch_tokens_, static_cast<uint32_t>(longest));
  if (step_.shape().rows >= rows) return {};
  PUMICE_TRY(step_.settle());
  step_ = EncodingStep();  // its memory may be needed
  PUMICE_ASSIGN(step_, EncodingStep::create(model_, {.rows = rows,
                                                     .texts = divide_up(rows, kTokensOfShortText),
                                                     .text_tokens = std::min(text_tokens_, rows),
                                                     .kv = options_.kv}));
  return {};
}

std::optional<std::vector<float>> Encoder::find(const PageKey& key, TokenSpan text) const {
  const WantedPage wanted{.key = key, .parent = root_, .tokens = text};
  const std::unique_ptr<PageFetch> fetch = store_->fetch({&wanted, 1}, Clock::now() + kPatience);
  if (!fetch->wait(std::chrono::duration<double>(kPatience).count())) return std::nullopt;
  const std::optional<PageFetch::Page> page = fetch->take();
  const size_t vectors = pooling_ == Pooling::kNone ? text.size() : 1;
  if (!page || page->payload.size() != vectors * width() * sizeof(float)) return std::nullopt;
  std::vector<float> found(vectors * width());
  std::memcpy(found.data(), page->payload.data(), page->payload.size());
  return found;
}

void Encoder::keep(const PageKey& key, TokenSpan text, std::span<const float> vectors) {
  const std::span<const std::byte> bytes = std::as_bytes(vectors);
  store_->store(
      {.key = key, .parent = root_, .tokens = {text.begin(), text.end()}, .payload = {bytes.begin(), bytes.end()}});
}

bool Encoder::fits(const Batch& batch, TokenSpan text) const {
  return batch.texts.empty() ||
         (batch.texts.size() < step_.shape().texts && batch.tokens + text.size() <= step_.shape().rows);
}

Result<void> Encoder::submit(Batch& batch) {
  PUMICE_ASSIGN(batch.lane, step_.submit(batch.texts));
  stats_.computed_texts += batch.texts.size();
  stats_.computed_tokens += batch.tokens;
  ++stats_.steps;
  return {};
}

std::vector<float> Encoder::pool(const float* rows, uint32_t tokens) const {
  const uint32_t width = model_.spec->width, stride = step_.stride();
  const Pooling pooling = pooling_ == Pooling::kRank ? model_.spec->ranked : pooling_;
  if (pooling != Pooling::kMean) {
    const float* row = rows + (pooling == Pooling::kLast ? uint64_t{tokens - 1} * stride : 0);
    return {row, row + width};
  }
  std::vector<double> sums(width);
  for (uint32_t i = 0; i < tokens; ++i)
    for (uint32_t col = 0; col < width; ++col) sums[col] += static_cast<double>(rows[uint64_t{i} * stride + col]);
  std::vector<float> mean(width);
  for (uint32_t col = 0; col < width; ++col) mean[col] = static_cast<float>(sums[col] / tokens);
  return mean;
}

Result<void> Encoder::deliver(const Batch& batch, const Sink& sink) {
  PUMICE_ASSIGN(const float* rows, step_.wait(batch.lane));
  const uint32_t stride = step_.stride(), inner = model_.spec->width;
  std::vector<float> vectors;  // of all texts
  for (const TokenSpan text : batch.texts) {
    const auto tokens = static_cast<uint32_t>(text.size());
    if (pooling_ != Pooling::kNone) {
      const std::vector<float> pooled = pool(rows, tokens);
      vectors.insert(vectors.end(), pooled.begin(), pooled.end());
    } else {
      for (uint32_t i = 0; i < tokens; ++i)
        vectors.insert(vectors.end(), rows + uint64_t{i} * stride, rows + uint64_t{i} * stride + inner);
    }
    rows += uint64_t{tokens} * stride;
  }
  if (pooling_ != Pooling::kNone && !model_.spec->pooled.empty()) {
    PUMICE_ASSIGN(vectors, step_.finish(vectors, static_cast<uint32_t>(batch.texts.size())));
  }
  size_t at = 0;
  for (size_t i = 0; i < batch.texts.size(); ++i) {
    const size_t count = pooling_ == Pooling::kNone ? batch.texts[i].size() : 1;
    const std::span<float> own = std::span(vectors).subspan(at, count * width());
    at += own.size();
    if (pooling_ == Pooling::kRank && model_.spec->ranks_by_share) to_shares(own);
    if (options_.normalise && pooling_ != Pooling::kNone && pooling_ != Pooling::kRank) normalise(own);
    if (store_) keep(batch.entries[i].key, batch.texts[i], own);
    for (const size_t index : batch.entries[i].indexes)
      if (!sink(index, own)) return error(Status::kCancelled, "cancelled");
  }
  return {};
}

Result<void> Encoder::run(std::span<const TokenSpan> texts, const Sink& sink) {
  Batch batch;
  std::optional<Batch> running;
  std::unordered_map<PageKey, std::pair<Batch*, size_t>, PageKeyHash> waiting;
  const auto turn = [&]() -> Result<void> {  // the next batch runs while the one before it is delivered
    if (!batch.texts.empty()) PUMICE_TRY(submit(batch));
    if (running) PUMICE_TRY(deliver(*running, sink));
    running.reset();
    if (!batch.texts.empty()) running = std::exchange(batch, {});
    waiting.clear();
    return {};
  };
  for (size_t i = 0; i < texts.size(); ++i) {
    const PageKey key = child_key(secret_, root_, texts[i]);
    if (const auto same = waiting.find(key); same != waiting.end()) {
      same->second.first->entries[same->second.second].indexes.push_back(i);
      continue;
    }
    if (store_)
      if (const auto found = find(key, texts[i])) {
        if (!sink(i, *found)) return error(Status::kCancelled, "cancelled");
        continue;
      }
    if (!fits(batch, texts[i])) PUMICE_TRY(turn());
    waiting.emplace(key, std::pair(&batch, batch.entries.size()));
    batch.entries.push_back({key, {i}});
    batch.texts.push_back(texts[i]);
    batch.tokens += static_cast<uint32_t>(texts[i].size());
  }
  PUMICE_TRY(turn());
  return turn();
}

Result<void> Encoder::encode(std::span<const TokenSpan> texts, const Sink& sink) {
  PUMICE_TRY(check(texts));
  PUMICE_TRY(make_room(texts));
  const Clock::time_point start = Clock::now();
  const Result<void> result = run(texts, sink);
  stats_.texts += texts.size();
  for (const TokenSpan text : texts) stats_.tokens += text.size();
  stats_.seconds += std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

Result<void> encode_once(const Model& model, const KvFormat& kv) {
  PUMICE_ASSIGN(const std::unique_ptr<Encoder> encoder,
                Encoder::create(model, {.kv = kv, .batch_tokens = 1, .pooling = Pooling::kMean, .cache = false}));
  const int32_t token = 0;
  const TokenSpan text(&token, 1);
  return encoder->encode({&text, 1}, [](size_t, std::span<const float>) { return true; });
}

}  // namespace pumice

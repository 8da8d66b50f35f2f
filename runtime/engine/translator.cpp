#include "engine/translator.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/or_undo.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kUsualTokens = 512;
// Tokens of a target by default: so many for each of the source, and some.
constexpr uint32_t kTargetFactor = 3, kTargetExtra = 32;
constexpr uint32_t kEncodedTokens = 512;  // of one submission

}  // namespace

Result<std::unique_ptr<Translator>> Translator::create(const Model& model, const TranslatorOptions& options) {
  if (!model.spec().encoder.empty() && model.spec().encoder[0].sound_bands != 0)
    return error(Status::kUnsupported, "the model (%s) hears and translates no text (pumice_transcribe)",
                 model.spec().architecture.c_str());
  std::unique_ptr<Translator> translator(new Translator(model));
  const uint32_t usual = std::min(model.spec().context_length, kUsualTokens);
  const auto tokens_or_usual = [&](uint32_t tokens) {
    return tokens ? std::min(tokens, model.spec().context_length) : usual;
  };
  const uint32_t source = tokens_or_usual(options.source_tokens), target = tokens_or_usual(options.target_tokens);
  if (options.rows == 0 || options.rows > 1024)
    return error(Status::kInvalidArgument, "%u hypotheses of a step are outside 1 to 1024", options.rows);
  const uint64_t stored = std::max<uint64_t>(options.store_tokens, uint64_t{options.rows} * kPageTokens);
  PUMICE_ASSIGN(
      translator->step_,
      TranslationStep::create(model, {.rows = options.rows,
                                      .source_tokens = source,
                                      .target_tokens = target,
                                      .encoded_rows = std::max(source, kEncodedTokens),
                                      .source_pages = pages_for(static_cast<uint32_t>(stored)) + pages_for(source),
                                      .target_pages = options.rows * (pages_for(target) + 1),
                                      .kv = options.kv}));
  KvCacheOptions cache = options.cache;
  cache.log = &model.kernels().device().log();
  PUMICE_ASSIGN(translator->store_,
                CrossStore::create(translator->step_->sources(), translator->step_->source_memory(), cache));
  translator->pages_.emplace(*translator->step_);
  return translator;
}

BeamOptions Translator::options_of(const TranslationRequest& request) const {
  BeamOptions options = request.search;
  const auto by_source = static_cast<uint32_t>(request.source.size()) * kTargetFactor + kTargetExtra;
  options.limit = std::min(options.limit ? options.limit : by_source, step_->shape().target_tokens);
  return options;
}

Result<void> Translator::check(std::span<const TranslationRequest> requests) const {
  const ModelSpec& spec = model_.spec();
  const auto in = [](int32_t id, uint32_t vocabulary) { return id >= 0 && static_cast<uint32_t>(id) < vocabulary; };
  for (size_t i = 0; i < requests.size(); ++i) {
    const TranslationRequest& request = requests[i];
    if (request.source.empty() || request.source.size() > source_tokens())
      return error(Status::kInvalidArgument, "source %zu has %zu tokens: 1 to %u are possible", i + 1,
                   request.source.size(), source_tokens());
    if (request.search.beam == 0 || request.search.beam > step_->shape().rows)
      return error(Status::kInvalidArgument, "a beam of %u is outside 1 to %u", request.search.beam,
                   step_->shape().rows);
    for (const int32_t id : request.source)
      if (!in(id, spec.encoder[0].vocabulary))
        return error(Status::kInvalidArgument, "source %zu: %d is not a token id of the encoder", i + 1, id);
    for (const int32_t id : request.search.prefix)
      if (!in(id, spec.vocabulary))
        return error(Status::kInvalidArgument, "prefix of source %zu: %d is not a token id of the decoder", i + 1, id);
  }
  return {};
}

// Begins the next requests as far as there is room; those whose sources are not known are encoded together.
Result<void> Translator::admit(std::span<const TranslationRequest> requests, size_t& next) {
  if (crowded_) return {};
  std::vector<size_t> added;  // of texts_
  uint32_t tokens = 0, reserved = 0;
  for (const Text& text : texts_) reserved += text.search.beam();
  for (; next < requests.size(); ++next) {
    const TranslationRequest& request = requests[next];
    const auto size = static_cast<uint32_t>(request.source.size());
    if (reserved + request.search.beam > step_->shape().rows) break;
    const auto same = [&](size_t text) { return std::ranges::equal(texts_[text].source, request.source); };
    if (std::ranges::any_of(added, same)) break;  // it is found when that is encoded
    CrossSource kept = store_->open(request.group, request.source, size);
    const bool known = store_->find(kept);
    if (!known) {
      if (tokens + size > step_->shape().encoded_rows || added.size() == step_->shape().rows) break;
      PUMICE_ASSIGN(const bool made, store_->make(kept));
      crowded_ = !made;
      if (crowded_) break;
      tokens += size;
      added.push_back(texts_.size());
    }
    reserved += request.search.beam;
    texts_.push_back({.index = next,
                      .source = request.source,
                      .search = BeamSearch(options_of(request)),
                      .kept = std::move(kept),
                      .living = std::vector<Living>(1)});
  }
  return added.empty() ? Result<void>() : encode(added);
}

Result<void> Translator::encode(std::span<const size_t> added) {
  const Clock::time_point start = Clock::now();
  std::vector<TranslationStep::Source> sources;
  size_t tokens = 0;
  for (const size_t text : added) {
    sources.push_back({.ids = texts_[text].source, .pages = texts_[text].kept.pages()});
    tokens += texts_[text].source.size();
  }
  stats_.encoded_sources += sources.size();
  PUMICE_TRY(step_->encode(sources));
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  for (const size_t text : added) {
    const double share = static_cast<double>(texts_[text].source.size()) / static_cast<double>(tokens);
    store_->keep(texts_[text].kept, share * seconds);
  }
  return {};
}

void Translator::drop(Text& text) {
  for (const Living& hypothesis : text.living) pages_->drop(hypothesis.pages);
  crowded_ = false;
}

// The hypotheses that live on, each with the pages of the one it comes from.
void Translator::grow(Text& text) {
  std::vector<Living> next;
  for (const Hypothesis& hypothesis : text.search.live()) {
    next.push_back(text.living[hypothesis.row]);
    pages_->share(next.back().pages);
  }
  for (const Living& hypothesis : text.living) pages_->drop(hypothesis.pages);
  text.living = std::move(next);
}

Result<void> Translator::run_step() {
  std::vector<TranslationStep::Row> rows;
  for (Text& text : texts_) {
    const uint32_t position = text.search.step();
    for (size_t i = 0; i < text.living.size(); ++i) {
      Living& hypothesis = text.living[i];
      PUMICE_TRY(pages_->make_places(hypothesis.pages, position));
      const std::vector<int32_t>& ids = text.search.live()[i].ids;
      rows.push_back({.token = ids.empty() ? model_.spec().start_token : ids.back(),
                      .position = position,
                      .pages = hypothesis.pages,
                      .source = text.kept.pages(),
                      .source_tokens = static_cast<uint32_t>(text.source.size()),
                      .parent = hypothesis.row});
      hypothesis.row = static_cast<uint32_t>(rows.size() - 1);
    }
  }
  PUMICE_ASSIGN(const float* logits, step_->step(rows));
  for (Text& text : texts_) {
    const size_t count = text.living.size();
    text.search.advance(logits, step_->logit_stride(), model_.spec().vocabulary);
    grow(text);
    logits += count * step_->logit_stride();
  }
  store_->maintain();
  ++stats_.steps;
  stats_.target_tokens += rows.size();
  return {};
}

Result<void> Translator::run(std::span<const TranslationRequest> requests, const Sink& sink) {
  size_t next = 0;
  while (next < requests.size() || !texts_.empty()) {
    PUMICE_TRY(admit(requests, next));
    PUMICE_CHECK(!texts_.empty());
    PUMICE_TRY(run_step());
    for (size_t i = 0; i < texts_.size();) {
      if (!texts_[i].search.over()) {
        ++i;
        continue;
      }
      Text text = std::move(texts_[i]);
      texts_.erase(texts_.begin() + static_cast<std::ptrdiff_t>(i));
      drop(text);
      if (!sink(text.index, text.search.take_finished())) return error(Status::kCancelled, "cancelled");
    }
  }
  return {};
}

Result<void> Translator::translate(std::span<const TranslationRequest> requests, const Sink& sink) {
  PUMICE_TRY(check(requests));
  const Clock::time_point start = Clock::now();
  const auto begun = [&] { return run(requests, sink); };
  const Result<void> result = or_undo(begun, [&] {
    texts_.clear();
    pages_->clear();
    crowded_ = false;
  });
  for (const TranslationRequest& request : requests) stats_.source_tokens += request.source.size();
  stats_.sources += requests.size();
  stats_.seconds += std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

}  // namespace pumice

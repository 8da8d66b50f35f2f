// Encoder: one vector for each of many texts, or one for each of their tokens.
//
// Texts go through the model in steps of as many tokens as pay; their rows are pooled, then normalised. What has been
// computed is kept under the hash of the text's tokens and found again, in memory, on disk and in Redis
// (kv/tiers/tiered_store.h): a text found there is not computed. Thread rule: one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/encoding_step.h"
#include "kv/tiers/tiered_store.h"

namespace pumice {

struct EncoderOptions {
  KvFormat kv{KvType::kF32, KvType::kF32};
  uint32_t text_tokens = 0;        // most of a text; 0: as the model was trained for, at most 8192
  uint32_t batch_tokens = 0;       // of a step, but as many as a text has in any case; 0: chosen by the device
  std::optional<Pooling> pooling;  // instead of the model's own
  bool normalise = true;           // to a length of 1; not what a classifier says
  bool cache = true;
  std::string identity;          // of the model, where vectors outlive the process
  std::string group;             // texts of different groups share nothing
  std::optional<Secret> secret;  // of the cache's keys; empty: random
  TieredStoreOptions store;
};

struct EncoderStats {
  uint64_t texts = 0, tokens = 0;                    // that were asked for
  uint64_t computed_texts = 0, computed_tokens = 0;  // the others were found, or were in the call twice
  uint64_t steps = 0;
  double seconds = 0;  // in encode()
};

using TokenSpan = std::span<const int32_t>;

class Encoder {
 public:
  // Floats of a text: (vectors, width), of pooled ones a single vector. false: stop.
  using Sink = std::function<bool(size_t index, std::span<const float> vectors)>;

  // The model outlives the encoder. kUnsupported: the model makes no vectors, or has no classifier to rank by.
  static Result<std::unique_ptr<Encoder>> create(const Model& model, const EncoderOptions& options);
  ~Encoder() { (void)step_.settle(); }  // what a cancelled call left may still run

  Pooling pooling() const { return pooling_; }
  uint32_t width() const;  // of a vector
  uint32_t text_tokens() const { return text_tokens_; }
  // Hands out what becomes of each text, in any order. kInvalidArgument names the first text that cannot be computed,
  // before anything is.
  Result<void> encode(std::span<const TokenSpan> texts, const Sink& sink);

  const EncoderStats& stats() const { return stats_; }
  std::optional<StoreStats> store_stats() const;

 private:
  struct Entry {
    PageKey key;
    std::vector<size_t> indexes;  // of the call's texts: those that are the same
  };
  struct Batch {
    std::vector<Entry> entries;
    std::vector<TokenSpan> texts;
    uint32_t tokens = 0;
    size_t lane = 0;
  };

  Encoder(const EncodingModel& model, const EncoderOptions& options, Pooling pooling);
  Result<void> check(std::span<const TokenSpan> texts) const;
  Result<void> make_room(std::span<const TokenSpan> texts);
  std::optional<std::vector<float>> find(const PageKey& key, TokenSpan text) const;
  void keep(const PageKey& key, TokenSpan text, std::span<const float> vectors);
  bool fits(const Batch& batch, TokenSpan text) const;
  Result<void> run(std::span<const TokenSpan> texts, const Sink& sink);
  Result<void> submit(Batch& batch);
  Result<void> deliver(const Batch& batch, const Sink& sink);
  std::vector<float> pool(const float* rows, uint32_t tokens) const;

  const EncodingModel model_;
  const EncoderOptions options_;
  const Pooling pooling_;
  uint32_t text_tokens_ = 0, batch_tokens_ = 0;
  Secret secret_{};
  PageKey root_;
  TieredStore::Owned store_;  // null: nothing is kept
  EncodingStep step_;
  EncoderStats stats_;
};

// Runs each kernel of an encoder, which a driver may compile only now.
Result<void> encode_once(const Model& model, const KvFormat& kv);

}  // namespace pumice

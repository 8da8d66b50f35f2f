// BeamSearch: which hypotheses of a text live on, step by step; a beam of one is greedy.
//
// The rule is CTranslate2's: of all continuations the 2 beam best by the sum of their log-probabilities are taken.
// Those of the first `beam` that end are finished; the best `beam` that do not end live on. It is over when `beam` are
// finished, at the limit (what lives counts then), or when nothing is left. A hypothesis' score is its sum /
// length^alpha, the end token counted. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pumice {

struct BeamOptions {
  uint32_t beam = 1;
  uint32_t limit = 256;  // tokens, with the end token
  double alpha = 1;
  int32_t end_token = 0;
  uint32_t least = 0;           // tokens before the end token may come
  std::vector<int32_t> prefix;  // that every hypothesis begins with
};

struct Hypothesis {
  std::vector<int32_t> ids;
  double sum = 0, score = 0;
  bool complete = false;  // ends with the end token
  uint32_t row = 0;       // of the living: which of the step's rows it goes on from
};

class BeamSearch {
 public:
  explicit BeamSearch(BeamOptions options) : options_(std::move(options)), live_(1) {}

  uint32_t beam() const { return options_.beam; }
  bool over() const { return over_; }
  uint32_t step() const { return step_; }  // tokens of those that live
  std::span<const Hypothesis> live() const { return live_; }
  // Logits (live, vocabulary) of their next tokens, `stride` floats from one to the next.
  void advance(const float* logits, size_t stride, size_t vocabulary);
  std::vector<Hypothesis> take_finished();  // once it is over, the best first

 private:
  struct Candidate {
    double sum;
    uint32_t row;
    int32_t token;
  };
  void gather(const float* logits, uint32_t row, size_t vocabulary, std::vector<Candidate>& best) const;
  Hypothesis grown(const Candidate& candidate) const;

  BeamOptions options_;
  std::vector<Hypothesis> live_, finished_;
  uint32_t step_ = 0;
  bool over_ = false;
};

}  // namespace pumice

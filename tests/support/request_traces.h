// Made-up lists of requests for caches of prefixes: popular texts, scans, loops, conversations.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "kv/replay.h"

namespace pumice::test {

struct RequestTrace {
  std::vector<uint64_t> blocks, offsets = {0};

  void add(const std::vector<uint64_t>& request) {
    blocks.insert(blocks.end(), request.begin(), request.end());
    offsets.push_back(blocks.size());
  }
  ReplayTrace view() const { return {.blocks = blocks, .offsets = offsets}; }
};

// Item i of n with a weight of 1 / (i + 1) ^ skew.
class Popularity {
 public:
  Popularity(size_t n, double skew) {
    for (size_t i = 0; i < n; ++i) {
      weights_.push_back(1 / std::pow(static_cast<double>(i + 1), skew));
      order_.push_back(i);
    }
    draw_ = std::discrete_distribution<size_t>(weights_.begin(), weights_.end());
  }
  size_t draw(std::mt19937_64& random) { return order_[draw_(random)]; }
  void shift(std::mt19937_64& random) { std::shuffle(order_.begin(), order_.end(), random); }

 private:
  std::vector<double> weights_;
  std::vector<size_t> order_;
  std::discrete_distribution<size_t> draw_;
};

inline double chance(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

struct PopularTexts {
  size_t requests = 0, texts = 0, length = 10;
  double skew = 0.9;
  size_t shift_after = 0;  // requests until other texts are popular; 0: never
  double scans = 0;        // share of requests for texts that come once
  uint64_t seed = 1;
};

// Texts, each followed by a few blocks of its own (a document and a question).
inline RequestTrace popular_texts(const PopularTexts& options) {
  std::mt19937_64 random(options.seed);
  Popularity popularity(options.texts, options.skew);
  uint64_t next = uint64_t{1} << 30;
  RequestTrace trace;
  for (size_t r = 0; r < options.requests; ++r) {
    if (options.shift_after > 0 && r % options.shift_after == 0) popularity.shift(random);
    const bool scan = chance(random) < options.scans;
    const size_t text = popularity.draw(random);
    std::vector<uint64_t> request;
    for (size_t i = 0; i < options.length; ++i) request.push_back(scan ? next++ : text * options.length + i);
    for (int i = 0; i < 3; ++i) request.push_back(next++);
    trace.add(request);
  }
  return trace;
}

// The same texts in the same order, again and again.
inline RequestTrace loop(size_t requests, size_t texts) {
  constexpr size_t kLength = 10;
  RequestTrace trace;
  for (size_t r = 0; r < requests; ++r) {
    std::vector<uint64_t> request;
    for (size_t i = 0; i < kLength; ++i) request.push_back(r % texts * kLength + i);
    trace.add(request);
  }
  return trace;
}

struct Sessions {
  size_t requests = 0, beginnings = 0;
  double continued = 0;  // share of requests that go on with a conversation, the recent ones more often
  uint64_t seed = 1;
};

// Conversations that grow, with common beginnings (system prompts).
inline RequestTrace sessions(const Sessions& options) {
  std::mt19937_64 random(options.seed);
  Popularity popularity(options.beginnings, 1);
  std::exponential_distribution<double> ago(1 / 50.0);
  uint64_t next = 0;
  const auto append = [&](std::vector<uint64_t>& text, size_t most) {
    for (size_t i = 1 + random() % most; i-- > 0;) text.push_back(next++);
  };
  std::vector<std::vector<uint64_t>> beginnings(options.beginnings), open;
  for (auto& text : beginnings) append(text, 12);
  RequestTrace trace;
  for (size_t r = 0; r < options.requests; ++r) {
    if (open.empty() || chance(random) >= options.continued) {
      open.push_back(beginnings[popularity.draw(random)]);
      append(open.back(), 20);
      trace.add(open.back());
    } else {
      auto& text = open[open.size() - 1 - std::min(open.size() - 1, static_cast<size_t>(ago(random)))];
      append(text, 6);
      trace.add(text);
    }
  }
  return trace;
}

// One after another; their blocks have nothing in common.
inline RequestTrace joined(const std::vector<RequestTrace>& traces) {
  RequestTrace all;
  uint64_t apart = 0;
  for (const RequestTrace& trace : traces) {
    for (size_t r = 0; r + 1 < trace.offsets.size(); ++r) {
      std::vector<uint64_t> request;
      for (uint64_t i = trace.offsets[r]; i < trace.offsets[r + 1]; ++i) request.push_back(trace.blocks[i] + apart);
      all.add(request);
    }
    apart += uint64_t{1} << 40;
  }
  return all;
}

}  // namespace pumice::test

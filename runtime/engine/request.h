// Request: a prompt that is appended to a sequence, and what is generated after it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/guesses.h"
#include "engine/score.h"
#include "engine/sequence.h"
#include "grammar/grammar.h"
#include "shared/step_params.h"

namespace pumice {

struct GenerationParams {
  SamplerParams sampler{.top_p = 1, .repeat_penalty = 1};  // stop tokens are filled in by the context
  uint32_t max_tokens = 0;                                 // 0: until the model ends or the context is full
  bool ignore_eos = false;
  bool log_probabilities = false;             // the host reads the logits of each drawn token
  uint32_t top_tokens = 0;                    // with it: how many of the likeliest tokens are told with each
  std::shared_ptr<grammar::Matcher> matcher;  // what the reply must be; null: anything

  bool greedy() const {
    const SamplerParams& s = sampler;
    return !matcher && s.temperature <= 0 && s.repeat_penalty == 1 && s.frequency_penalty == 0 &&
           s.presence_penalty == 0 && s.bias_count == 0;
  }
};

// Numbers of the C interface.
enum class RequestStatus : int32_t {
  kRunning = 0,
  kFinishedEos = 1,
  kFinishedLength = 2,
  kFinishedContext = 3,
  kCancelled = 4,
  kFailed = 5,
};

// How far a running request is. Only a queued one may have no pages for its prompt.
enum class RequestPhase { kQueued, kFetching, kPrefill, kDecode };

// A submission that has not been collected yet. `log_position`: where the token that it draws will stand; 0: none.
struct InFlight {
  uint64_t value = 0;
  uint32_t log_position = 0;
  uint32_t prefilled = 0;  // prompt tokens that it computes
  uint32_t kept_row = 0;   // where the host finds the logits, if it reads them; see StepRecorder::kept_logits()
  uint32_t guesses = 0;    // that it checks: draws from log_position on, those after a wrong guess mean nothing
  bool open = false;       // its draw has not been submitted yet; see Batch
  std::chrono::steady_clock::time_point submitted{};
};

struct Request {
  Sequence* sequence = nullptr;
  GenerationParams params;
  std::atomic<bool> cancel{false};
  RequestStatus status = RequestStatus::kRunning;
  Error error;  // when failed
  Status paused = Status::kOk;  // kOutOfDeviceMemory, kDeviceLost: while it runs, what it waits for

  RequestPhase phase = RequestPhase::kQueued;
  uint32_t queue_place = 0;           // 1: the next that gets pages; 0: it does not wait for any
  uint32_t held = 0;                  // tokens whose pages it keeps while it is queued: its sequence's earlier ones
  std::optional<PageSupply> refused;  // when there were too few pages for it
  bool looked_up = false;             // its prompt has been looked up in the cache
  bool suspending = false;            // it gives its pages to others once nothing of it is in flight
  uint32_t prompt_end = 0;            // tokens of the sequence when it was queued last
  uint32_t scheduled = 0;             // tokens whose computation has been submitted
  uint32_t ready = 0;                 // leading prompt tokens whose keys and values are in the pages now
  PrefixFetch fetch;                  // of what the tiers have of its prompt
  uint32_t drawn = 0;                 // tokens of the sequence with those whose draw has been submitted
  uint32_t draws = 0;                 // draws that have been submitted
  std::vector<InFlight> in_flight;    // the oldest first; a handful
  std::vector<int32_t> guesses;       // of the check in flight
  GuessGain gain;
  bool held_back = false;             // by Speculation: the batch goes on without it
  bool checked = false;               // the last token was drawn by a check
  std::vector<int32_t> generated;     // not yet taken by the caller
  std::vector<float> log_probabilities;  // (generated), where they are asked for
  std::vector<LikelyToken> top;          // (generated, top_tokens)
  bool ending = false;                // no more work is submitted; what is in flight is awaited
  RequestStatus end_status = RequestStatus::kRunning;

  uint32_t prompt_tokens = 0, prompt_done = 0, cached_tokens = 0, generated_tokens = 0;
  std::array<uint32_t, kKvSources> cached_from{};  // of cached_tokens, by KvSource
  std::chrono::steady_clock::time_point submitted{}, first_token{}, last_token{};
  double host_seconds_decode = 0;  // host CPU time while decoding

  // No more work is submitted; it ends so once what is in flight has been collected. The first end stays.
  void end(RequestStatus as) {
    if (ending) return;
    ending = true;
    end_status = as;
  }
  // Likewise, whatever end was to come. A lost device has nothing in flight any more, and is no end: see lose().
  void fail(Error why) {
    if (why.status == Status::kDeviceLost) return lose();
    error = std::move(why);
    ending = true;
    end_status = RequestStatus::kFailed;
  }
  // It goes on when its context has another device.
  void lose() {
    in_flight.clear();
    paused = Status::kDeviceLost;
  }
};

}  // namespace pumice

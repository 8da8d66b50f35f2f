// SequenceTable: the sequences of a context, each with a slot of the device's tables.
//
// Thread rule: that of its context.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/context_options.h"
#include "engine/sequence_pages.h"

namespace pumice {

// What a saved sequence consists of.
struct SavedSequence {
  std::vector<int32_t> tokens;
  SequenceAdapters adapters;
  std::vector<SequencePicture> pictures;
  bool whole_pictures = false;
  uint32_t computed = 0;  // leading tokens whose pages `next_page` gives, one after another
  uint64_t dropped = 0;
  std::vector<std::byte> beside;  // what the sequence has beside its pages; see KvCache::read_beside()
  std::function<Result<std::vector<std::byte>>()> next_page;
};

class SequenceTable {
 public:
  // All of them outlive it.
  SequenceTable(const ContextOptions& options, KvCache& cache, SequencePages& pages, SequenceSlots& slots)
      : options_(options), cache_(cache), pages_(pages), slots_(slots) {}

  // kOutOfDeviceMemory: no slot is free. Sequences of different groups share nothing.
  Result<Sequence*> open(std::string_view group);
  // A new sequence with the same first `tokens` tokens; full pages are shared. A failure leaves no sequence behind.
  Result<Sequence*> fork(Sequence& sequence, uint32_t tokens);
  // A new sequence whose pages stay its own. A failure leaves none behind.
  Result<Sequence*> restore(std::string_view group, SavedSequence saved);
  // Nothing runs on it.
  void close(Sequence& sequence);
  // kInvalidArgument: a request runs on it, or it has fewer tokens.
  Result<void> truncate(Sequence& sequence, uint32_t tokens);
  // Nothing runs on it, and it has no tokens.
  void set_adapters(Sequence& sequence, SequenceAdapters adapters);

 private:
  const ContextOptions& options_;
  KvCache& cache_;
  SequencePages& pages_;
  SequenceSlots& slots_;
};

// kInvalidArgument: a request runs on it.
Result<void> check_idle(const Sequence& sequence);

}  // namespace pumice

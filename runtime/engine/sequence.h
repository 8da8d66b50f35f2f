// Sequence: the tokens of one conversation and the pages that hold their keys and values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/sequence_pictures.h"
#include "kv/kv_cache.h"

namespace pumice {

// Keys and values in the host's memory, of tokens that would not give them again.
struct ParkedPages {
  uint32_t computed = 0;
  std::vector<std::vector<std::byte>> pages;
  std::vector<std::byte> beside;  // see KvCache::read_beside()
};

// What a sequence takes of its context's adapters.
struct SequenceAdapters {
  std::vector<float> scales;  // one for each adapter of the context; empty: none but 0
  std::string identity;       // what keys and values depend on of them; empty: nothing
};

struct Sequence {
  uint32_t slot = 0;                      // its row in the page table, the token log and the sampler table
  std::vector<int32_t> tokens;            // prompt and generated, by position
  std::vector<SequencePicture> pictures;  // among them
  bool whole_pictures = false;            // of which none is computed in parts
  uint32_t computed = 0;                  // leading tokens whose keys and values are in the pages
  uint32_t verified = 0;  // of them, those that the model gave finite logits after: no others are shared or saved
  uint32_t state_at = 0;  // of models with recurrent layers: the tokens that its state has taken in
  uint64_t dropped = 0;   // tokens that sliding has taken out, after the sinks
  SequenceAdapters adapters;
  PageList kv;
  bool busy = false;         // a request runs on it, or waits for pages
  bool computing = false;    // a request runs on it that has pages
  bool keeps_logits = false; // of the request that runs on it, the host reads the logits that it draws from
  bool recomputable = true;  // its tokens give the same keys and values again, so others may have its pages meanwhile
  uint64_t last_use = 0;     // the order of the sequences' last uses
  uint32_t moves = 0;        // by sliding since its request began: draws depend on them
  std::unique_ptr<ParkedPages> parked;  // instead of pages, when the pool's size has changed

  // The last place at or before that many tokens that is not inside of a picture that is computed as a whole.
  uint32_t edge(uint32_t to) const {
    const SequencePicture* inside = whole_pictures ? picture_at(pictures, to) : nullptr;
    return inside ? inside->first : to;
  }
  void cut_pictures(uint32_t to) {
    while (!pictures.empty() && pictures.back().end() > to) pictures.pop_back();
    kv.pictures.resize(pictures.size());
  }

  // No more than so many leading tokens are computed.
  void limit_computed(uint32_t to) {
    computed = std::min(computed, to);
    verified = std::min(verified, to);
  }
};

// Whether pages have come free since.
struct PageSupply {
  uint64_t releases = 0;
  uint32_t free = 0;
  bool operator==(const PageSupply&) const = default;
};

using SequenceSlots = std::vector<std::unique_ptr<Sequence>>;  // null: free

}  // namespace pumice

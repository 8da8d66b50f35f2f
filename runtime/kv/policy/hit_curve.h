// HitCurve: what share of the blocks asked for a cache would have had, were it smaller or larger. Metadata alone.
//
// Mattson's stack: under LRU a block is a hit in all caches that are larger than the number of blocks used since it was
// (with it, and with those that its request used before it). One list of the most recently used blocks, with a Fenwick
// tree that counts them, so gives the exact LRU hit rates of all sizes at once, in about the logarithm of their number
// for a block. Keeps at most eight times the capacity. Thread rule: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kv/index/id_map.h"

namespace pumice {

class HitCurve {
 public:
  static constexpr std::array<double, 5> kSizes = {0.25, 0.5, 1, 2, 4};  // in capacities
  struct Point {
    uint32_t blocks = 0;  // capacity
    double hit_rate = 0;  // leading blocks that would have been there, of all that were asked for
  };

  explicit HitCurve(uint32_t capacity);

  // A request for the blocks of one text, the first block first. Ids are never 0.
  void request(std::span<const uint64_t> chain);
  // The current request goes on with one more block (a page that generation filled); not one that is asked for.
  void extend(uint64_t id);
  std::array<Point, kSizes.size()> points() const;
  uint64_t asked() const { return asked_; }
  void reset_counts() { hits_ = {}, asked_ = 0; }  // keeps what the caches would hold

 private:
  uint32_t distance(uint64_t id) const;  // 1: the most recently used; more than limit_: unknown
  void use(uint64_t id);
  void make_room(size_t blocks);
  void add(uint32_t slot, uint32_t change);  // modulo 2^32

  uint32_t limit_ = 0;  // blocks of the largest size
  std::array<uint32_t, kSizes.size()> capacities_{};
  std::array<uint64_t, kSizes.size()> hits_{};
  uint64_t asked_ = 0;
  std::vector<uint64_t> slots_;   // ids, the later used the higher; 0: none
  std::vector<uint32_t> counts_;  // Fenwick tree of the slots in use
  uint32_t next_ = 0;             // slot
  IdMap<uint32_t> slot_of_;
};

}  // namespace pumice

// PrefixTree: the names of tokens as a tree of bytes, which finds all names that a text begins with in one walk.
//
// Some 9 bytes a node. Ownership: copies what it needs. Thread rule: immutable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace pumice {

class PrefixTree {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kRoot = 0;

  using Names = std::vector<std::pair<std::string_view, int32_t>>;

  PrefixTree() : PrefixTree(Names()) {}
  // Of equal names the first id stays; empty names are left out.
  explicit PrefixTree(Names names);

  // The node of one more byte, or kNone where no name goes on so.
  uint32_t step(uint32_t node, uint8_t byte) const;
  // Of the name that ends here; -1 where none does.
  int32_t id(uint32_t node) const { return ids_[node]; }

  struct Match {
    size_t length = 0;
    int32_t id = -1;
  };
  // The longest name that the text begins with; length 0 where there is none.
  Match longest(std::string_view text) const;

 private:
  std::array<uint32_t, 256> first_;  // nodes of the first byte: most walks end at the second
  std::vector<uint32_t> children_;   // of node n: [children_[n], children_[n + 1]), in the order of their bytes
  std::vector<uint8_t> bytes_;       // that lead to a node
  std::vector<int32_t> ids_;
};

}  // namespace pumice

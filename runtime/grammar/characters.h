// Sets of characters (code points), and the expressions of their bytes.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "grammar/expr.h"

namespace pumice::grammar {

// Ranges, ends included, sorted and apart from each other. Surrogates never are in one.
class CharSet {
 public:
  CharSet() = default;
  CharSet(std::initializer_list<std::pair<uint32_t, uint32_t>> ranges) {
    for (const auto& [first, last] : ranges) add(first, last);
  }
  static CharSet all() { return {{0, 0x10FFFF}}; }
  void add(uint32_t first, uint32_t last);
  void add(uint32_t point) { add(point, point); }
  void add(const CharSet& other);
  CharSet complement() const;
  bool has(uint32_t point) const;
  const std::vector<std::pair<uint32_t, uint32_t>>& ranges() const { return ranges_; }

 private:
  void add_plain(uint32_t first, uint32_t last);
  std::vector<std::pair<uint32_t, uint32_t>> ranges_;
};

// How a character stands in the text.
enum class Spelling : uint8_t {
  kPlain,  // UTF-8
  kJson,   // inside a JSON string: UTF-8, and the shortest escape where one is needed, so each in one way only
};

// Makes expressions of one character. Keeps those it made; the arena must outlive it.
class Characters {
 public:
  Characters(ExprArena& arena, Spelling spelling) : arena_(arena), spelling_(spelling) {}
  ExprId one_of(const CharSet& set);
  ExprId text(std::string_view utf8);  // of a literal
  ExprId any() { return one_of(CharSet::all()); }
  ExprId any_text() { return arena_.repeat(any(), 0); }
  ExprArena& arena() { return arena_; }
  Spelling spelling() const { return spelling_; }

 private:
  void add_range(std::vector<ExprId>& out, uint32_t first, uint32_t last);

  ExprArena& arena_;
  Spelling spelling_;
  std::map<std::vector<std::pair<uint32_t, uint32_t>>, ExprId> made_;
};

// The literal as the spelling writes it.
std::string spelled(std::string_view utf8, Spelling spelling);

}  // namespace pumice::grammar

// Automaton: what may follow a text, of a grammar: a pushdown automaton over bytes whose states are made when reached.
//
// A state is a set of items: where in a production, what is left of the terminal there (an expression), and the
// callers. Callers are shared graphs: a node is the set of (place to return to, node of its callers), so that ambiguity
// costs no copies (generalised LL parsing; Scott and Johnstone 2010). Within members in any order a caller is the set
// of those that have been, with the node to return to. Nothing in a state is a dead end: some text
// completes each item.
//
// Contract: bounded: exhausted() after more than its limits; what it says then means nothing.
// Ownership: shares the program; owns a copy of its expressions. Thread rule: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "grammar/member_sets.h"
#include "grammar/rules.h"

namespace pumice::grammar {

// Rules as one row of places: the productions behind each other, each with its end.
struct Program {
  struct Place {
    // kMemberEnd: what stands for a key ends; its id is the key. kNextMember: behind a separator.
    enum class Kind : uint8_t { kTerminal, kCall, kEnd, kMembers, kMemberEnd, kNextMember } kind = Kind::kEnd;
    uint32_t id = 0;
  };
  std::vector<Place> places;                  // the first is where a whole text ends
  std::vector<std::vector<uint32_t>> starts;  // of each rule
  std::vector<MemberPlaces> members;
  uint32_t root = 0;
  ExprArena exprs;
  ExprId string_unit = kNever;  // one character of a JSON string that needs no escape

  static Program make(Rules&& rules);

 private:
  uint32_t append(const std::vector<Symbol>& row, Place end);
};

class Automaton {
 public:
  using State = uint32_t;
  static constexpr State kDead = 0;

  explicit Automaton(std::shared_ptr<const Program> program);

  State start();
  State step(State state, uint8_t byte) {
    const uint32_t table = states_[state].table;
    const State next = table == 0 ? kUnknown : tables_[table - 1][byte];
    return next != kUnknown ? next : compute(state, byte);
  }
  // The whole text may end here.
  bool accepts(State state);
  // The bytes that may follow; a superset where intersections are inside.
  const ByteSet& first(State state);
  // How many characters of a JSON string without escapes may follow in any order; 0 if not known.
  uint32_t run_length(State state);

  // Whether so many states were made that forgetting them is worth while.
  bool crowded() const;
  // Forgets all states but one, whose new number it returns.
  State forget_all_but(State state);
  bool exhausted() const { return exhausted_ || exprs_.exhausted(); }
  size_t states() const { return states_.size(); }
  // Before each unit of work that is bounded by itself, such as a mask.
  void renew_budget() {
    exprs_.renew_budget();
    budget_ = kBudget;
  }

 private:
  static constexpr State kUnknown = UINT32_MAX;
  struct Item {
    ExprId expr = kNever;
    uint32_t place = 0, node = 0;
    bool operator==(const Item&) const = default;
  };
  struct Edge {
    uint32_t place = 0, node = 0;
    bool operator==(const Edge&) const = default;
    auto operator<=>(const Edge&) const = default;
  };
  struct StateData {
    std::vector<Item> kernel, closed;
    ByteSet first;
    uint32_t table = 0;
    bool expanded = false, accepts = false;
  };
  using Table = std::array<State, 256>;
  using Edges = std::vector<Edge>;

  State compute(State state, uint8_t byte);
  void expand(StateData& data);
  void close(StateData& data, uint32_t place, uint32_t node);
  void close_members(const Program::Place& here, uint32_t place, uint32_t node);
  void end_call(uint32_t node) { open_.insert(open_.end(), nodes_[node].begin(), nodes_[node].end()); }
  // The node that the row at a place returns to, where it calls another.
  uint32_t caller(uint32_t place, uint32_t node);
  void merge(std::vector<Item>& items);
  State intern(std::vector<Item>&& kernel);
  uint32_t intern_node(Edges&& edges);

  std::shared_ptr<const Program> program_;
  ExprArena exprs_;
  MemberSets sets_;
  std::vector<uint32_t> next_members_;  // of a closure
  std::deque<StateData> states_;
  std::deque<Table> tables_;
  std::unordered_multimap<uint64_t, State> state_of_;
  std::deque<Edges> nodes_;
  std::unordered_multimap<uint64_t, uint32_t> node_of_;
  std::vector<Edge> open_;                       // of a closure
  std::unordered_map<uint64_t, uint32_t> seen_;  // of a closure
  static constexpr size_t kBudget = 5'000'000;   // items looked at
  size_t items_ = 0, budget_ = kBudget;
  bool exhausted_ = false;
};

}  // namespace pumice::grammar

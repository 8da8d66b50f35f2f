#include "grammar/automaton.h"

#include <algorithm>
#include <utility>

namespace pumice::grammar {
namespace {

constexpr size_t kMaxItems = 4'000'000;  // of all states together
constexpr size_t kMaxOfState = 50'000;   // items, and steps of one closure
constexpr size_t kManyStates = 20'000;   // crowded() from then on
constexpr size_t kManyItems = 1'000'000;
constexpr uint32_t kIsSet = 1u << 31;  // in an edge: its place is a set of members

uint64_t hashed(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0xD6E8FEB86659FD93u;
  return hash ^ hash >> 32;
}

}  // namespace

uint32_t Program::append(const std::vector<Symbol>& row, Place end) {
  const auto start = static_cast<uint32_t>(places.size());
  for (const Symbol& symbol : row) {
    const auto kind = symbol.kind == Symbol::Kind::kRule      ? Place::Kind::kCall
                      : symbol.kind == Symbol::Kind::kMembers ? Place::Kind::kMembers
                                                              : Place::Kind::kTerminal;
    places.push_back({kind, symbol.id});
  }
  places.push_back(end);
  return start;
}

Program Program::make(Rules&& rules) {
  Program program;
  program.places.push_back({});
  for (RuleId rule = 0; rule < rules.size(); ++rule) {
    auto& starts = program.starts.emplace_back();
    for (const Rules::Production& production : rules.productions(rule))
      starts.push_back(program.append(production, {}));
  }
  for (const Members& members : rules.members()) {
    MemberPlaces& places = program.members.emplace_back();
    for (uint32_t key = 0; key < members.keys.size(); ++key) {
      places.keys.push_back(program.append(members.keys[key].row, {Place::Kind::kMemberEnd, key}));
      places.required.push_back(members.keys[key].required);
      places.required_count += members.keys[key].required;
    }
    for (const auto& row : members.others)
      places.others.push_back(program.append(row, {Place::Kind::kMemberEnd, MemberSets::kOther}));
    places.separator = program.append({Symbol::terminal(members.separator)}, {Place::Kind::kNextMember, 0});
    places.min = members.min;
    places.max = members.max;
  }
  program.root = rules.root();
  program.exprs = std::move(rules.exprs());
  return program;
}

Automaton::Automaton(std::shared_ptr<const Program> program)
    : program_(std::move(program)), exprs_(program_->exprs), sets_(program_->members) {
  states_.emplace_back();
  states_[0].expanded = true;
  nodes_.emplace_back();
}

uint32_t Automaton::intern_node(Edges&& edges) {
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  uint64_t hash = edges.size();
  for (const Edge& edge : edges) hash = hashed(hash, uint64_t{edge.place} << 32 | edge.node);
  for (auto [at, end] = node_of_.equal_range(hash); at != end; ++at)
    if (nodes_[at->second] == edges) return at->second;
  items_ += edges.size();
  nodes_.push_back(std::move(edges));
  const auto node = static_cast<uint32_t>(nodes_.size() - 1);
  node_of_.emplace(hash, node);
  return node;
}

// Items that differ in their callers alone become one.
void Automaton::merge(std::vector<Item>& items) {
  const auto order = [](const Item& a, const Item& b) {
    return std::tuple(a.place, a.expr, a.node) < std::tuple(b.place, b.expr, b.node);
  };
  std::sort(items.begin(), items.end(), order);
  size_t kept = 0;
  for (size_t i = 0; i < items.size();) {
    size_t end = i + 1;
    while (end < items.size() && items[end].place == items[i].place && items[end].expr == items[i].expr) ++end;
    Item item = items[i];
    if (items[i].node != items[end - 1].node) {
      Edges edges;
      for (size_t j = i; j < end; ++j)
        edges.insert(edges.end(), nodes_[items[j].node].begin(), nodes_[items[j].node].end());
      item.node = intern_node(std::move(edges));
    }
    items[kept++] = item;
    i = end;
  }
  items.resize(kept);
}

Automaton::State Automaton::intern(std::vector<Item>&& kernel) {
  if (kernel.empty()) return kDead;
  merge(kernel);
  uint64_t hash = kernel.size();
  for (const Item& item : kernel) hash = hashed(hashed(hash, uint64_t{item.place} << 32 | item.expr), item.node);
  for (auto [at, end] = state_of_.equal_range(hash); at != end; ++at)
    if (states_[at->second].kernel == kernel) return at->second;
  items_ += kernel.size();
  if (items_ + sets_.words() > kMaxItems || kernel.size() > kMaxOfState) exhausted_ = true;
  if (exhausted()) return kDead;
  states_.emplace_back().kernel = std::move(kernel);
  const auto state = static_cast<State>(states_.size() - 1);
  state_of_.emplace(hash, state);
  return state;
}

Automaton::State Automaton::start() {
  std::vector<Item> kernel;
  const uint32_t bottom = intern_node({{0, 0}});
  // As if the empty terminal before the root had just ended: expand() goes on with each production.
  for (const uint32_t place : program_->starts[program_->root]) kernel.push_back({kNever, place, bottom});
  return intern(std::move(kernel));
}

// What ends with a call needs no return of its own.
uint32_t Automaton::caller(uint32_t place, uint32_t node) {
  const bool last = program_->places[place + 1].kind == Program::Place::Kind::kEnd;
  return last ? node : intern_node({{place + 1, node}});
}

void Automaton::close_members(const Program::Place& here, uint32_t place, uint32_t node) {
  using Kind = Program::Place::Kind;
  const auto open_next = [&](uint32_t set, uint32_t frame) {
    next_members_.clear();
    sets_.append_next(set, next_members_);
    for (const uint32_t start : next_members_) open_.push_back({start, frame});
  };
  if (here.kind == Kind::kMembers) {
    const uint32_t set = sets_.empty_set(here.id), outer = caller(place, node);
    if (sets_.may_end(set)) end_call(outer);
    return open_next(set, intern_node({{set | kIsSet, outer}}));
  }
  for (const auto& [edge, outer] : nodes_[node]) {
    const uint32_t set = edge & ~kIsSet;
    if (here.kind == Kind::kNextMember) {
      open_next(set, intern_node({{set | kIsSet, outer}}));
      continue;
    }
    const uint32_t more = sets_.with(set, here.id);
    if (sets_.may_end(more)) end_call(outer);
    next_members_.clear();
    sets_.append_next(more, next_members_);
    if (!next_members_.empty()) open_.push_back({sets_.separator(more), intern_node({{more | kIsSet, outer}})});
  }
}

void Automaton::close(StateData& data, uint32_t from, uint32_t callers) {
  open_.push_back({from, callers});
  while (!open_.empty()) {
    const auto [place, node] = open_.back();
    open_.pop_back();
    if (!seen_.emplace(uint64_t{place} << 32 | node, 0).second) continue;
    if (seen_.size() > kMaxOfState) {
      exhausted_ = true;
      open_.clear();
      return;
    }
    const Program::Place& here = program_->places[place];
    switch (here.kind) {
      case Program::Place::Kind::kTerminal:
        data.closed.push_back({here.id, place, node});
        if (exprs_.nullable(here.id)) open_.push_back({place + 1, node});
        break;
      case Program::Place::Kind::kCall: {
        const uint32_t inner = caller(place, node);
        for (const uint32_t start : program_->starts[here.id]) open_.push_back({start, inner});
        break;
      }
      case Program::Place::Kind::kEnd:
        if (place == 0) data.accepts = true;
        if (place != 0) end_call(node);
        break;
      default:
        close_members(here, place, node);
    }
  }
}

void Automaton::expand(StateData& data) {
  if (data.expanded) return;
  data.expanded = true;
  seen_.clear();
  for (size_t i = 0; i < data.kernel.size(); ++i) {
    const Item item = data.kernel[i];
    if (item.expr == kNever) {
      close(data, item.place, item.node);
      continue;
    }
    if (item.expr != kEmptyText) data.closed.push_back(item);
    if (exprs_.nullable(item.expr)) close(data, item.place + 1, item.node);
  }
  merge(data.closed);
  items_ += data.closed.size();
  for (const Item& item : data.closed) data.first |= exprs_.first(item.expr);
}

bool Automaton::accepts(State state) {
  expand(states_[state]);
  return states_[state].accepts;
}

const ByteSet& Automaton::first(State state) {
  expand(states_[state]);
  return states_[state].first;
}

Automaton::State Automaton::compute(State state, uint8_t byte) {
  StateData& data = states_[state];
  expand(data);
  if (!data.first.has(byte)) return kDead;
  if (data.table == 0) {
    tables_.emplace_back().fill(kUnknown);
    data.table = static_cast<uint32_t>(tables_.size());
  }
  if (data.closed.size() + 1 >= budget_) exhausted_ = true;
  if (exhausted()) return kDead;
  budget_ -= data.closed.size() + 1;
  std::vector<Item> kernel;
  for (const Item& item : data.closed) {
    if (!exprs_.first(item.expr).has(byte)) continue;
    const ExprId rest = exprs_.derive(item.expr, byte);
    if (exprs_.alive(rest)) kernel.push_back({rest, item.place, item.node});
  }
  const State next = intern(std::move(kernel));
  return tables_[data.table - 1][byte] = next;
}

uint32_t Automaton::run_length(State state) {
  StateData& data = states_[state];
  expand(data);
  uint32_t most = 0;
  if (program_->string_unit == kNever) return most;
  for (const Item& item : data.closed) most = std::max(most, exprs_.run_of(item.expr, program_->string_unit));
  return most;
}

bool Automaton::crowded() const {
  return states_.size() >= kManyStates || items_ + sets_.words() >= kManyItems || exprs_.tables() >= kManyStates;
}

Automaton::State Automaton::forget_all_but(State state) {
  std::vector<Item> kernel = states_[state].kernel;
  const std::deque<Edges> old = std::exchange(nodes_, {});
  const MemberSets old_sets = std::exchange(sets_, MemberSets(program_->members));
  nodes_.emplace_back();
  node_of_.clear();
  state_of_.clear();
  states_.clear();
  states_.emplace_back().expanded = true;
  tables_.clear();
  exprs_.forget();
  items_ = 0;
  // Callers were made before those they call.
  std::vector<bool> needed(old.size(), false);
  for (const Item& item : kernel) needed[item.node] = true;
  for (size_t node = old.size(); node-- > 1;)
    for (const Edge& edge : old[node]) needed[edge.node] = needed[edge.node] || needed[node];
  std::vector<uint32_t> renamed(old.size(), 0);
  for (size_t node = 1; node < old.size(); ++node) {
    if (!needed[node]) continue;
    Edges edges = old[node];
    for (Edge& edge : edges) {
      edge.node = renamed[edge.node];
      if (edge.place & kIsSet) edge.place = sets_.same(old_sets, edge.place & ~kIsSet) | kIsSet;
    }
    renamed[node] = intern_node(std::move(edges));
  }
  for (Item& item : kernel) item.node = renamed[item.node];
  return intern(std::move(kernel));
}

}  // namespace pumice::grammar

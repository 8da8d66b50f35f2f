#include "kv/index/node_heap.h"

namespace pumice {

void NodeHeap::reserve(uint32_t nodes) {
  heap_.reserve(nodes);
  place_.reserve(nodes);
}

void NodeHeap::make_place(NodeId node) {
  if (node < place_.size()) return;
  if (heap_.capacity() <= node) heap_.reserve(2 * (node + size_t{1}));
  place_.resize(node + size_t{1}, kAbsent);
}

void NodeHeap::set(NodeId node, Rank rank) {
  make_place(node);
  uint32_t place = place_[node];
  if (place == kAbsent) {
    place = size();
    heap_.push_back({rank, node});
    place_[node] = place;
  } else {
    heap_[place].rank = rank;
  }
  rise(place);
  sink(place_[node]);
}

void NodeHeap::erase(NodeId node) {
  if (!contains(node)) return;
  const uint32_t place = place_[node];
  place_[node] = kAbsent;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (last.node == node) return;
  put(place, last);
  rise(place);
  sink(place_[last.node]);
}

NodeId NodeHeap::lowest(const EvictionPolicy::Evictable& filter) const {
  if (!filter) return lowest();
  const Entry* best = nullptr;
  for (const Entry& entry : heap_)
    if ((!best || entry.rank < best->rank) && filter(entry.node)) best = &entry;
  return best ? best->node : kNoNode;
}

void NodeHeap::rise(uint32_t place) {
  const Entry entry = heap_[place];
  while (place > 0) {
    const uint32_t above = (place - 1) / 2;
    if (heap_[above].rank <= entry.rank) break;
    put(place, heap_[above]);
    place = above;
  }
  put(place, entry);
}

void NodeHeap::sink(uint32_t place) {
  const Entry entry = heap_[place];
  for (;;) {
    uint32_t below = 2 * place + 1;
    if (below >= size()) break;
    if (below + 1 < size() && heap_[below + 1].rank < heap_[below].rank) ++below;
    if (entry.rank <= heap_[below].rank) break;
    put(place, heap_[below]);
    place = below;
  }
  put(place, entry);
}

}  // namespace pumice

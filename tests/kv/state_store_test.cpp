// StateStore: who has a place, and who gives it up.
#include "kv/state_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace pumice::state_store_test {

constexpr uint32_t kSequences = 2, kSnapshots = 3, kPages = 10;

TEST(StateStoreTest, PlacesOfSnapshotsAreBehindThoseOfSequences) {
  StateStore store({.sequences = kSequences, .snapshots = kSnapshots}, kPages);
  std::vector<StateId> places;
  for (uint32_t i = 0; i < kSnapshots; ++i) places.push_back(store.take().value());
  std::ranges::sort(places);
  EXPECT_EQ(places, (std::vector<StateId>{2, 3, 4}));
  EXPECT_FALSE(store.take()) << "those that are being written stay";
  store.release(3);
  EXPECT_EQ(store.take(), 3u);
}

TEST(StateStoreTest, TheOneUsedLongestAgoIsGivenUp) {
  StateStore store({.sequences = kSequences, .snapshots = kSnapshots}, kPages);
  for (PageId page = 0; page < kSnapshots; ++page) store.attach(page, store.take().value());
  EXPECT_EQ(store.attached(), kSnapshots);
  const StateId first = store.of(0);
  const StateId second = store.take().value();
  EXPECT_FALSE(store.has(1));
  EXPECT_TRUE(store.has(0) && store.has(2));
  store.attach(5, second);
  EXPECT_EQ(store.of(5), second);
  EXPECT_EQ(store.of(0), first);
}

TEST(StateStoreTest, APageHasOneAndLosesItOnce) {
  StateStore store({.sequences = kSequences, .snapshots = kSnapshots}, kPages);
  const uint64_t attachment = store.attach(7, store.take().value());
  EXPECT_EQ(store.attach(7, store.take().value()), attachment) << "the second one is not needed";
  store.forget(7);
  store.forget(7);
  EXPECT_EQ(store.attached(), 0u);
  // An attachment that is gone says nothing of the one that came after it.
  store.attach(7, store.take().value());
  store.detach(attachment);
  EXPECT_TRUE(store.has(7));
  for (uint32_t i = 0; i < kSnapshots - 1; ++i) EXPECT_TRUE(store.take());
}

}  // namespace pumice::state_store_test

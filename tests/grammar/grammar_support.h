// Whole texts against a grammar, for the tests of runtime/grammar.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "grammar/grammar.h"

namespace pumice::testing {

// Byte by byte, without a vocabulary.
inline bool accepts(const std::shared_ptr<const grammar::Grammar>& grammar, std::string_view text) {
  grammar::Automaton automaton(grammar->program());
  grammar::Automaton::State state = automaton.start();
  for (const char c : text) state = automaton.step(state, static_cast<uint8_t>(c));
  const bool result = automaton.accepts(state);
  EXPECT_FALSE(automaton.exhausted()) << text;
  return result;
}

inline std::shared_ptr<const grammar::Grammar> made(Result<std::shared_ptr<const grammar::Grammar>> result) {
  if (result) return *result;
  ADD_FAILURE() << result.error().message;
  return *grammar::Grammar::from_choices({"?"});
}

inline std::string refusal(const Result<std::shared_ptr<const grammar::Grammar>>& result) {
  return result ? "accepted" : result.error().message;
}

}  // namespace pumice::testing

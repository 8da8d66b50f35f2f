// The names that make a token more than text, whatever type its file gives it.
//
// Source: the vocabularies of published models; which of them end an answer and which are hidden equals llama.cpp.
// Thread rule: pure functions.
#pragma once

#include <span>
#include <string_view>

namespace pumice {

// The names that end a turn, the likeliest first: the first that a vocabulary has is its end of turn.
std::span<const std::string_view> end_of_turn_names();
inline constexpr std::string_view kEndOfMessage = "<|eom_id|>";
// After any of these a model has nothing more to say.
std::span<const std::string_view> end_of_generation_names();
// Of code models that fill in the middle. Like those above they are never shown.
std::span<const std::string_view> fill_in_the_middle_names();
// Tokens that structure an answer in OpenAI's harmony format; a program that reads the answer needs them.
std::span<const std::string_view> shown_names();

// The name of a control token: one of those above, or of a role, a tool call, a thought, a picture, or of the form that
// nearly all vocabularies give to such names (<|name|>, <｜name｜>, <|name>, <name|>).
bool is_control_name(std::string_view name);

}  // namespace pumice

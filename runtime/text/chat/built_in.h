// Templates for model files that bring none: one for each family of vocabularies. Thread rule: a pure function.
#pragma once

#include <functional>
#include <string_view>

namespace pumice::chat {

// By the control tokens that the vocabulary has, since these are what a chat was trained with; then by the family's
// name. Empty where neither says how the model chats.
std::string_view built_in_template(std::string_view architecture, const std::function<bool(std::string_view)>& has);

}  // namespace pumice::chat

// What model files hold that changes nothing in a family that does not read it: the one list. Everything else that is
// left unread is refused. A family that does read one of these keys gives it its meaning.
#pragma once

#include <string_view>

#include "format/gguf.h"

namespace pumice {

// `name`: without "<architecture>.".
bool is_inert_key(std::string_view name, const GgufValue& value);
bool is_inert_tensor(std::string_view name);

}  // namespace pumice

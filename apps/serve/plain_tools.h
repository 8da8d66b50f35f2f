// Calls of tools by models whose template has no form for them: as plain JSON, {"name": …, "arguments": {…}}. Pure.
#pragma once

#include <optional>
#include <string>

#include "serve/generation.h"

namespace pumice_serve {

// The same request without tools: messages say what there is to call and how; where a call is required, a grammar.
Generation with_plain_tools(const Generation& generation);
// The call that a reply is; empty: it is a text.
std::optional<Json> plain_call_of(const std::string& content, const std::string& tools);

}  // namespace pumice_serve

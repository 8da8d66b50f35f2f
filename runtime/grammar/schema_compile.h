// Rules for the values of a JSON Schema. Thread rule: one thread at a time.
#pragma once

#include <vector>

#include "grammar/grammar.h"
#include "grammar/rules.h"
#include "grammar/schema_document.h"

namespace pumice::grammar {

// Adds them; a symbol for each of the document's schemas. What the arena has no room for, Rules::finish() says.
Result<std::vector<Symbol>> add_schemas(Rules& rules, SchemaDocument& document, const std::vector<NodeId>& nodes,
                                        const SchemaOptions& options);

}  // namespace pumice::grammar

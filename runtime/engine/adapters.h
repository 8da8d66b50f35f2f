// Adapters of a context: whether a model's steps reach what they adapt, and what a sequence's choice of them is called.
// Thread rule: pure functions.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "engine/sequence.h"
#include "model/model.h"

namespace pumice {

using Adapters = std::span<const std::shared_ptr<const Adapter>>;

std::vector<const Adapter*> pointers_of(Adapters adapters);

// kUnsupported: a tensor of it would be left out by the model's steps; kInvalidArgument: it is of another model.
Result<void> check_adapter(const Model& model, const Adapter& adapter);

// kInvalidArgument: not one finite scale for each adapter.
Result<SequenceAdapters> choose_adapters(Adapters adapters, std::span<const float> scales);

// What choose_adapters() called by this identity. kMalformed: it is none; kUnsupported: of adapters that are not here.
Result<SequenceAdapters> find_adapters(Adapters adapters, std::string_view identity);

}  // namespace pumice

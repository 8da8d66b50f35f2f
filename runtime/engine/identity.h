// What the keys and values of a token depend on, beside the tokens up to it.
#pragma once

#include <string>
#include <string_view>

#include "kernels/kv_pages.h"
#include "model/spec.h"
#include "vk/caps.h"

namespace pumice {

// Covers the model (digest: of its file; empty where pages never leave the process), positions, KV types and the layout
// of pages. Equal identities mean that pages may be exchanged.
std::string cache_identity(const ModelSpec& spec, const KvFormat& format, uint32_t context_tokens,
                           std::string_view digest);

// The same of the keys and values of a source, by content.
std::string source_identity(const ModelSpec& spec, const KvFormat& format, std::string_view digest);

// Seconds that a prompt token may take, for as long as none has been measured.
double estimated_prefill_seconds(const ModelSpec& spec, const vk::DeviceCaps& caps);

}  // namespace pumice

// Sliding the window of a full context: the pages after the first few (attention sinks: a model that loses its first
// tokens loses its way) are dropped, and those behind them move to earlier positions.
// Source: Xiao et al. 2023, Efficient Streaming Language Models with Attention Sinks.
#pragma once

#include <cstdint>

namespace pumice {

// How many pages to drop, of `full` pages that are computed to the end and begin with `sinks` that stay, so that
// `tokens` more find room. More than that are dropped where an eighth of what may go is more: each time every key that
// stays is turned, which rounds it. 0: that many may not go.
uint32_t pages_to_drop(uint32_t full, uint32_t sinks, uint32_t tokens);

}  // namespace pumice

// Small integer arithmetic.
#pragma once

#include <cstdint>

namespace pumice {

constexpr uint32_t divide_up(uint32_t value, uint32_t by) { return (value + by - 1) / by; }

}  // namespace pumice

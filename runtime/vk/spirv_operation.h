// Arithmetic of SPIR-V specialisation constants. Source: the SPIR-V specification, OpSpecConstantOp.
#pragma once

#include <cstdint>
#include <optional>

namespace pumice::vk {

// The value of an operation of OpSpecConstantOp on 32-bit words (booleans are 0 and 1); nullopt: one that no shader
// here uses.
std::optional<uint32_t> evaluate_spirv_operation(uint32_t op, uint32_t a, uint32_t b, uint32_t c);

}  // namespace pumice::vk

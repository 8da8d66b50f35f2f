#include "vk/spirv_operation.h"

namespace pumice::vk {

// A flat table.
std::optional<uint32_t> evaluate_spirv_operation(uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
  const auto sa = static_cast<int32_t>(a), sb = static_cast<int32_t>(b);
  const bool divides = b != 0 && !(sa == INT32_MIN && sb == -1);
  switch (op) {
    // clang-format off
    case 124: return a;                                                      // OpBitcast
    case 126: return 0u - a;                                                 // OpSNegate
    case 128: return a + b;                                                  // OpIAdd
    case 130: return a - b;                                                  // OpISub
    case 132: return a * b;                                                  // OpIMul
    case 134: return b ? a / b : 0;                                          // OpUDiv
    case 135: return divides ? static_cast<uint32_t>(sa / sb) : 0;           // OpSDiv
    case 137: return b ? a % b : 0;                                          // OpUMod
    case 138: return divides ? static_cast<uint32_t>(sa % sb) : 0;           // OpSRem
    case 164: case 170: return a == b;                                       // OpLogicalEqual, OpIEqual
    case 165: case 171: return a != b;                                       // OpLogicalNotEqual, OpINotEqual
    case 166: return a | b;                                                  // OpLogicalOr
    case 167: return a & b;                                                  // OpLogicalAnd
    case 168: return !a;                                                     // OpLogicalNot
    case 169: return a ? b : c;                                              // OpSelect
    case 172: return a > b;                                                  // OpUGreaterThan
    case 173: return sa > sb;                                                // OpSGreaterThan
    case 174: return a >= b;                                                 // OpUGreaterThanEqual
    case 175: return sa >= sb;                                               // OpSGreaterThanEqual
    case 176: return a < b;                                                  // OpULessThan
    case 177: return sa < sb;                                                // OpSLessThan
    case 178: return a <= b;                                                 // OpULessThanEqual
    case 179: return sa <= sb;                                               // OpSLessThanEqual
    case 194: return a >> (b & 31);                                          // OpShiftRightLogical
    case 195: return static_cast<uint32_t>(sa >> (b & 31));                  // OpShiftRightArithmetic
    case 196: return a << (b & 31);                                          // OpShiftLeftLogical
    case 197: return a | b;                                                  // OpBitwiseOr
    case 198: return a ^ b;                                                  // OpBitwiseXor
    case 199: return a & b;                                                  // OpBitwiseAnd
    case 200: return ~a;                                                     // OpNot
    // clang-format on
    default:
      return std::nullopt;
  }
}

}  // namespace pumice::vk

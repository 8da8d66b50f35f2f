// The few types that GLSL and C++ spell differently. Every header in this folder is read by both.
#ifndef PUMICE_SHARED_TYPES_H
#define PUMICE_SHARED_TYPES_H

#ifdef __cplusplus
#include <cstdint>
namespace pumice {
using uint = uint32_t;
struct alignas(8) uvec2 {
  uint x, y;
};
}
#define SHARED_BEGIN namespace pumice {
#define SHARED_END }
#define SHARED_CONST inline constexpr uint32_t
#define SHARED_FUNCTION inline constexpr
#define SHARED_ZERO = 0
#else
#define SHARED_BEGIN
#define SHARED_END
#define SHARED_CONST const uint
#define SHARED_FUNCTION
#define SHARED_ZERO
#endif

#endif

// libFuzzer target for the GGUF parser (clang, -fsanitize=fuzzer,address,undefined).
#include <cstddef>
#include <cstdint>

#include "fuzz/gguf_exercise.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)pumice::test::exercise_gguf(std::as_bytes(std::span(data, size)));
  return 0;
}

// Qwen 2 and 2.5 and what was distilled into them, and the text of Qwen 2-VL: llama with pairs of halves and biases of
// q, k and v. Source: Yang et al. 2024 (Qwen2).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_qwen2(KeyReader& reader) {
  reader.accept("rope.dimension_sections");  // the three positions of a picture's token; those of text are equal
  return read_decoder(reader, RopePairs::kHalves);
}

}  // namespace pumice

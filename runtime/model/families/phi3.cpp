// Phi 3, 3.5 and 4: q, k and v in one matrix, gate and up in another, two tables of rotation for short and long
// contexts. Source: Abdin et al. 2024 (Phi-3); Ding et al. 2024 (LongRoPE).
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_phi3(KeyReader& reader) {
  reader.accept("attention.sliding_window");  // stated by Phi-3-mini; computing with all keys is what engines do
  return read_decoder(reader, RopePairs::kHalves);
}

}  // namespace pumice

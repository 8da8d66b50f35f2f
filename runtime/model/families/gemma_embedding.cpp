// EmbeddingGemma: Gemma 3 both ways, with two projections behind the mean of its rows. Source: Vera et al. 2025.
#include "model/families/families.h"

namespace pumice {

Result<ModelSpec> describe_gemma_embedding(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_gemma3(reader));
  add_pooled(reader, "dense_2", spec);
  add_pooled(reader, "dense_3", spec);
  return spec;
}

}  // namespace pumice

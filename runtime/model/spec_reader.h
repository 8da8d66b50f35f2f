// What the families share of their keys, as they are read from a model file.
#pragma once

#include "model/key_reader.h"
#include "model/spec.h"

namespace pumice {

// A decoder of equal layers as `llama` describes it; a family then says in what it differs. kMalformed or kUnsupported
// with the key that is at fault.
Result<ModelSpec> read_decoder(KeyReader& reader, RopePairs pairs, NormKind norm = NormKind::kRms);

// An encoder of equal layers in the same way, without a norm in the end.
Result<ModelSpec> read_encoder(KeyReader& reader, RopePairs pairs, NormKind norm = NormKind::kRms);

// The token that begins every text of a decoder with an encoder; the vocabulary is known.
Result<void> read_start_token(KeyReader& reader, ModelSpec& spec);

Result<void> read_pooling(KeyReader& reader, ModelSpec& spec);
// A projection of the pooled vector, if the file has its tensor, and its norm, if it has that.
void add_pooled(const KeyReader& reader, const std::string& name, ModelSpec& spec, PooledForm form = PooledForm::kPlain,
                const std::string& norm = {});

// A mixture in all layers but the leading dense ones, if the file has experts. How they are weighted is the family's
// own, or what keys say, `mixture` where they do not: expert_gating_func (kGating), expert_weights_norm and
// expert_weights_scale (kWeights), or all of them.
enum class MixtureKeys { kNone, kGating, kWeights, kAll };
Result<void> read_mixture(KeyReader& reader, MixtureSpec mixture, ModelSpec& spec,
                          MixtureKeys keys = MixtureKeys::kNone);

// A mixture's experts read and result in rows of moe_latent_size, between two matrices of all of them.
Result<void> read_latent_experts(KeyReader& reader, ModelSpec& spec);

// A part of the model that chooses attention.indexer.top_k blocks of keys: contexts that have no more see all.
Result<void> read_indexer(KeyReader& reader, uint32_t block_tokens, ModelSpec& spec);

// What ssm.* says of layers with a recurrence of heads.
Result<RecurrenceSpec> read_recurrence(KeyReader& reader, RecurrenceKind kind);
// Which layers are recurrent: all but each `interval`-th, unless the file says it otherwise.
Result<std::vector<bool>> read_recurrent_layers(KeyReader& reader, uint32_t interval, const ModelSpec& spec);

// Latent attention in all layers.
Result<void> read_latent(KeyReader& reader, ModelSpec& spec, std::string_view key_length = "attention.key_length_mla",
                         std::string_view value_length = "attention.value_length_mla");

// Which layers see a window: of each `period` all but the last, or but the first (0: none), unless the file says it
// otherwise.
enum class WindowOrder { kDenseLast, kDenseFirst };
Result<void> read_windows(KeyReader& reader, uint32_t period, ModelSpec& spec,
                          WindowOrder order = WindowOrder::kDenseLast);
// Layers with a window rotate without scaling, by a base of their own: that of the key, or `base`; 0: that of all.
Result<void> read_sliding_rope(KeyReader& reader, float base, ModelSpec& spec,
                               std::string_view key = "rope.freq_base_swa");
// Layers with a window rotate by a base of their own, if the file states one, and are scaled as all are; by a factor
// also where rope.scaling.type is none, which holds for the others alone.
Result<void> read_sliding_base(KeyReader& reader, ModelSpec& spec);

// A rotation that turns nothing, for layers without one; its index.
uint32_t add_no_rope(ModelSpec& spec);

// Which pairs turn by the rows and columns of a picture's grid, as rope.dimension_sections has it, if it is there: runs
// of pairs one after the other, or every third pair. Of text all turn alike.
enum class AxisOrder { kRuns, kInterleaved };
Result<void> read_grid_axes(KeyReader& reader, AxisOrder order, ModelSpec& spec);

// The rotation of heads of `head_dim` as rope.* states it: angles, and what their scaling does to queries and keys.
// none_scales: a factor divides positions even if the type of scaling is none.
Result<RopeSpec> read_rope(KeyReader& reader, RopePairs pairs, uint32_t head_dim, uint32_t context_length,
                           std::string_view base_key = "rope.freq_base", bool none_scales = false);

}  // namespace pumice

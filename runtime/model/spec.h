// ModelSpec: what a decoder or an encoder computes, as data. A family (model/families) fills it from a model file;
// weights, steps, the KV cache and what is listed ahead of them walk it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/matvec.h"
#include "kernels/rope.h"
#include "kernels/route.h"

namespace pumice {

// Floats from a row of activations to the next.
constexpr uint32_t row_stride(uint32_t columns) { return (columns + 31) / 32 * 32; }

// How the rotated dimensions of a head turn. Layers that turn alike share one.
struct RopeSpec {
  uint32_t rotary = 0;  // the first dimensions of a head; 0: none is rotated
  RopePairs pairs = RopePairs::kAdjacent;
  std::vector<double> radians;       // (rotary / 2): of each pair a position
  std::vector<double> long_radians;  // the same in contexts longer than original_context; empty: no other
  uint32_t original_context = 0;
  std::vector<RopeAxis> axes;  // of each pair; empty: all turn by position alone
  double magnitude = 1;        // of rotated queries and keys

  // Queries take the magnitude of keys along: only scores matter.
  double score_magnitude() const { return magnitude * magnitude; }

  const std::vector<double>& radians_for(uint32_t context_tokens) const {
    return long_radians.empty() || context_tokens <= original_context ? radians : long_radians;
  }
};

// kLayer takes the mean away first, and may have a bias.
enum class NormKind { kRms, kLayer };

// Norms of queries and keys, of the kind of the model's: each head of head_dim with one weight, with a weight of its
// own, or without any; all heads together; kGain: without any, then each head of queries times a number of its own.
enum class QkNorm { kNone, kHead, kEachHead, kBare, kWhole, kGain };

// Latent attention (MLA): keys and values of all heads are products of one row of key_rank values, which is cached with
// the dimensions that are rotated. Scores and results are computed with that row, by the heads' own parts of the
// products.
struct LatentSpec {
  uint32_t key_rank = 0;    // 0: attention is not latent
  uint32_t query_rank = 0;  // queries are products of a row of that many values, too; 0: they are not
  uint32_t plain = 0;       // dimensions of a query's head that are not rotated
  uint32_t value = 0;       // of a head's result
};

// Of an attention's tensors in a layer: `prefix` + "q" and the like, and the whole name of the output.
struct AttentionNames {
  std::string prefix = "attn_", output = "attn_output";
};

struct AttentionSpec {
  uint32_t heads = 0, kv_heads = 0, head_dim = 0;  // 0: the layer has no attention
  uint32_t value_dim = 0;  // of the values, at most head_dim: stored with zeros behind them; 0: head_dim
  float scale = 0;                                 // of scores
  float value_scale = 1;                           // of values
  uint32_t rope = 0;                               // of ModelSpec::ropes
  QkNorm qk_norm = QkNorm::kNone;
  bool v_norm = false;           // of each head of v, without a weight
  bool norm_after_rope = false;  // instead of before
  bool paired_quarters = false;  // the file has each half's pairs within that half: (i, i + head_dim / 4)
  float clip = 0;                // of the projections q, k and v, up and down; 0: none
  uint32_t window = 0;  // a token sees the keys less than this many positions back, in an encoder also ahead; 0: all
  bool whole_pictures = false;  // rows of a picture see all of it, also those behind them, however far away
  bool chunks = false;          // it sees those since the last multiple of window instead
  float softcap = 0;            // of scores; 0: none
  float alibi = 0;  // scores fall with distance, the first head's by 2^(-alibi / heads), the last one's by 2^-alibi
  float temperature = 0;  // queries are multiplied by 1 + temperature ln(floor(position / temperature_length) + 1)
  uint32_t temperature_length = 1;
  std::optional<uint32_t> cache_layer;  // whose keys and values are read instead of own ones
  bool sinks = false;                   // a logit of each head that takes part in the softmax without a value
  // Heads are multiplied by gate(attn_gate x) before they are joined: gate_width is heads or q_width. 0: they are not.
  uint32_t gate_width = 0;
  Activation gate = Activation::kSigmoid;
  bool gate_in_q = false;  // its rows are in attn_q, behind those of each head

  AttentionNames names;
  LatentSpec latent;  // head_dim: the rotated dimensions, then key_rank; kv_heads: 1

  uint32_t latent_head() const { return latent.plain + head_dim - latent.key_rank; }
  // Columns of the projection of queries, and of what the output is projected from.
  uint32_t q_columns() const { return latent.key_rank ? heads * latent_head() : q_width(); }
  uint32_t result_width() const { return latent.key_rank ? heads * latent.value : heads_width(); }
  // Columns of what attention itself gives.
  uint32_t heads_width() const { return heads * (value_dim ? value_dim : head_dim); }
  uint32_t q_width() const { return heads * head_dim; }
  uint32_t own_kv_heads() const { return cache_layer ? 0 : kv_heads; }
  uint32_t kv_width() const { return own_kv_heads() * head_dim; }
  uint32_t value_width() const { return own_kv_heads() * (value_dim ? value_dim : head_dim); }
  uint32_t qkv_width() const { return q_columns() + (latent.key_rank ? 1 : 2) * kv_width(); }
};

// What a layer has instead of attention: a state of fixed size for each sequence.
enum class RecurrenceKind {
  kNone,
  kShortConv,  // two gates around a convolution
  kDeltaRule,  // heads as shaders/shared/recurrence.h has them, after a convolution
  kMamba2,     // likewise
  kSsru,       // the simpler simple recurrent unit: a forgetting sum of each column, without an output projection
};

struct RecurrenceSpec {
  RecurrenceKind kind = RecurrenceKind::kNone;
  uint32_t taps = 0;                                              // tokens that a convolution reaches
  uint32_t heads = 0, key_heads = 0, key_dim = 0, value_dim = 0;  // kShortConv, kSsru: one head of the width, no keys
  bool tiled = false;                                             // see kernels/recurrence.h
  bool paired_gates = false;  // kDeltaRule: ssm_ba has strengths and decays, those of each key head after the other
  bool norm = true;           // of its result, by groups of heads; kMamba2 may do without

  uint32_t inner_width() const { return heads * value_dim; }
  uint32_t keys_width() const { return key_heads * key_dim; }
  uint32_t conv_width() const { return inner_width() + 2 * keys_width(); }
  uint32_t projected_width() const;  // what is computed of a token before the convolution
  uint32_t state_floats() const;     // of a sequence
};

// Experts of which each token takes a few, as a router says (kernels/route.h), and some that all tokens take.
struct MixtureSpec {
  uint32_t experts = 0, used = 0;  // 0: there are none
  Gating gating = Gating::kSoftmax;
  bool normalised = true;  // weights add up to 1, then are multiplied by scale
  float scale = 1;
  uint32_t groups = 1, groups_used = 1;  // groups of experts, and those that a token chooses from
  uint32_t shared_width = 0;             // of the experts that all tokens take, together; 0: none
  bool shared_gate = false;              // they are multiplied by sigmoid(ffn_gate_inp_shexp x)
  std::string shared_end = "_shexp";     // of the names of their tensors
  bool early_router = false;             // the router reads x as it is before the attention block
  std::string early_norm;                // router and experts read norm(x), x as it is before the attention block
  bool own_norms = false;                // of shared and of chosen ones before and after, and of the router
  bool scales = false;                   // results of experts are multiplied by ffn_down_exps.scale
  float sum_scale = 1;                   // of chosen and shared ones together
  uint32_t latent_width = 0;             // of what experts read and result in, between two matrices; 0: width
  bool weighted_input = false;           // an expert reads x times its weight, and its result is not weighted

  uint32_t router_columns() const { return experts + (shared_gate ? 1 : 0); }
};

// down(activation(gate x) * up x), or without a gate down(activation(up x)).
struct FeedForwardSpec {
  uint32_t width = 0;  // of one expert in a mixture
  bool gated = true;
  Activation activation = Activation::kSilu;
  float activation_limit = 0;
  std::string up_name = "ffn_up", down_name = "ffn_down";  // of its tensors in a layer
  bool divided = false;  // without a gate: what the activation results in, by ffn.act.scales
  MixtureSpec mixture;

  // Rows of gate and up that a token takes.
  uint32_t rows() const { return mixture.experts ? mixture.used * width + mixture.shared_width : width; }
};

// The name of a norm that has no weight.
inline constexpr const char* kBareNorm = "-";

// x += scale post_norm(attention(norm(x))), then the same with the feed-forward block; parallel: both read the same x,
// by one norm where the feed-forward block has none. A norm has the name of its
// tensor in the layer, without ".weight"; empty: there is none. A recurrence takes attention's place, or stands
// beside it: both read the same norm(x) then. A layer may have neither, or no feed-forward block (width 0). Behind
// that, the layer of a decoder with an encoder attends to the encoder's rows in the same way.
struct LayerSpec {
  AttentionSpec attention;
  RecurrenceSpec recurrence;
  FeedForwardSpec feed_forward;
  std::string attention_norm = "attn_norm", attention_post_norm;
  std::string ffn_norm = "ffn_norm", ffn_post_norm;
  std::string attention_sum_norm, ffn_sum_norm;  // of x itself, after that
  AttentionSpec cross;                           // heads 0: none
  std::string cross_norm, cross_sum_norm;
  bool parallel = false;
  float residual_scale = 1;
  bool output_scale = false;  // x is multiplied by layer_output_scale in the end; a norm comes last then

  bool crosses() const { return cross.heads != 0; }
  bool has_both() const { return attention.heads != 0 && recurrence.kind != RecurrenceKind::kNone; }
};

// What becomes of the rows of a text where one vector stands for all of it. The values are those of files.
enum class Pooling : uint32_t { kNone, kMean, kFirst, kLast, kRank };

// A projection of the pooled vector, by the name of its tensors.
enum class PooledForm : uint32_t { kPlain, kTanh, kGelu };
struct PooledLayerSpec {
  std::string name;
  uint32_t rows = 0, cols = 0;
  PooledForm form = PooledForm::kPlain;  // of what it results in
  std::string norm;                      // of that, with as many rows as the model's width; empty: none
};

inline constexpr const char* kEncoderPrefix = "enc.";

struct ModelSpec {
  std::string architecture;     // general.architecture
  std::string name;             // the beginning of general.name, printable; empty: none
  uint32_t width = 0;           // of the hidden state
  uint32_t vocabulary = 0;      // 0: it has no embedding and no head
  uint32_t context_length = 0;  // that it was trained for
  uint32_t whole_context = 0;   // the longest context in which it sees all keys, of longer ones it chooses; 0: any
  NormKind norm_kind = NormKind::kRms;
  bool biased_norms = false;  // where the file has biases for them
  float norm_eps = 1e-5f;
  uint32_t norm_groups = 1;  // each as many columns of x are normalised by themselves
  // Each layer adds post_norm(proj(gelu(inp_gate x) * its part of the token's own inputs)); 0: none does.
  uint32_t per_layer_width = 0;
  uint32_t sound_bands = 0;  // an encoder of sounds, of mel frames of so many bands, instead of tokens; 0: of tokens
  bool clamped = false;            // projections may clamp what they read and write; blocks have norms behind them
  bool causal = true;              // else an encoder: tokens see those behind them, too
  bool learned_positions = false;  // a table (context_length, width) is added to the embedding
  uint32_t token_types = 0;        // rows of a table (token_types, width) whose first is added; 0: there is none
  std::string embedding_norm;      // of all that, the name of its tensor without ".weight"; empty: none
  bool embedding_skip = false;     // each layer ends with x += layer_output_scale (the normalised embedding)
  float embedding_scale = 1;
  float logit_scale = 1;
  float logit_softcap = 0;                  // 0: none
  std::string output_norm = "output_norm";  // the name of its tensor, without ".weight"
  std::optional<Pooling> pooling;           // empty: the file does not say
  std::vector<PooledLayerSpec> pooled;      // one after the other
  Pooling ranked = Pooling::kFirst;         // of the vector that a classifier ranks by
  bool ranks_by_share = false;              // softmax of what the classifier says, and the first counts
  std::vector<RopeSpec> ropes;
  std::vector<LayerSpec> layers;
  std::string prefix;              // of the names of its tensors: "enc.", "dec."
  uint32_t bias_buckets = 0;       // of distances, by which scores have a bias (attn_rel_b of the first layer); 0: none
  std::vector<ModelSpec> encoder;  // whose rows the layers attend to; empty: none
  int32_t start_token = 0;         // of a decoder with an encoder, which begins every text
  std::vector<std::string> unused_tensors;  // ends of names that files may have and the family does not compute with
  std::vector<std::string> warnings;        // what the file leaves to guess, a line each

  uint32_t deepstack = 0;  // leading layers behind which a picture's rows get further values

  bool turns_by_grid() const;   // rows of pictures are rotated by their place in a grid
  bool whole_pictures() const;  // some layer sees them so
  const RopeSpec& rope(const LayerSpec& layer) const { return ropes[layer.attention.rope]; }
  uint32_t widest_projection() const;  // of a layer's mixer of tokens
  uint32_t widest_q() const;
  uint32_t widest_mixed() const;         // of what attention or a recurrence results in
  uint32_t widest_conv() const;          // 0: no layer convolves before its heads
  bool recurrent() const;                // whether sequences have states
  uint32_t widest_ffn() const;           // a row of activations of gate, or of up
  uint32_t most_used() const;            // experts of a token; 0: there is no mixture
  uint32_t most_router_columns() const;  // of experts, and the gate of the shared ones
  uint32_t most_kv_heads() const;        // 0: no layer has attention
};

}  // namespace pumice

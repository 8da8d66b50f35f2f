// One step of a model: what is asked of it, the device buffers that it works in, and its recording. Blocks: blocks/.
//
// Buffers are shown as (rows, columns); a row of activations is padded to a multiple of 32 floats.
#pragma once

#include <set>
#include <span>

#include "kernels/attention.h"
#include "kernels/kv_pages.h"
#include "kernels/matmul.h"
#include "kernels/states.h"
#include "model/adapter_stack.h"
#include "model/decoder_weights.h"

namespace pumice {

struct WorkspaceShape {
  uint32_t rows = 1;            // most tokens of a step
  uint32_t logit_rows = 1;      // most tokens of a step whose logits are wanted
  uint32_t context_tokens = 0;  // of one sequence
  uint32_t decode_rows = 1;     // most tokens of a decode step
};

// Made once for a context; every step uses it, one after the other. Widths are those of the widest layer.
struct Workspace {
  WorkspaceShape shape;
  uint32_t max_splits = 1;
  vk::Buffer hidden;       // (rows, width): the residual stream
  vk::Buffer normed;       // (rows, width): a block's input, then its output where that is normalised
  vk::Buffer projected;    // (rows, projected_width): q, k, v and what else a mixer of tokens begins with
  vk::Buffer q;            // (rows, q_width): rotated
  vk::Buffer convolved;    // (rows, conv_width)
  vk::Buffer mixed;        // (rows, q_width or inner_width): what attention or a recurrence results in
  vk::Buffer gate;         // (rows, ffn_width), of a mixture (rows * used, ffn_width)
  vk::Buffer up;           // as gate
  vk::Buffer router;       // (rows, experts), and the gate of shared ones behind them
  vk::Buffer choices;      // (rows, used): of route()
  vk::Buffer tiles;        // of expert_tiles()
  vk::Buffer expert_rows;  // (rows * used, width)
  vk::Buffer logits;       // (logit_rows, vocabulary)
  vk::Buffer partials;     // of split attention
  vk::Buffer counters;     // of split attention; zero between steps
  vk::Buffer finds;        // of argmax and sample
  vk::Buffer arrivals;     // of argmax; zero between steps
  vk::Buffer samplings;    // (logit_rows) SampleState
  vk::Buffer per_layer;    // (rows, layers * per_layer_width): what each layer adds of the token itself
  vk::Buffer skip;         // (rows, width): the embedding as it is, or empty

  static uint64_t bytes(const ModelSpec& spec, const WorkspaceShape& shape);
  static Result<Workspace> create(vk::Device& device, const ModelSpec& spec, const WorkspaceShape& shape);
};

inline FloatRows rows_of(const vk::Buffer& buffer, uint32_t columns) { return {buffer, row_stride(columns)}; }

// What the rows of a step attend to in the layers that cross. pages: one for each layer.
struct CrossStep {
  std::span<const KvPages> pages;
  vk::BufferView step_rows;             // (n) StepRow: the last key of each row's source, and its slot
  vk::BufferView arguments;             // group counts of split attention, as decode_arguments
  const vk::Buffer* queries = nullptr;  // (layers, n, q_width): takes the queries of each layer; null: they are lost
};

// States of a step of several sequences that go on from others' states: row i reads that of place from + parents[i] and
// leaves its own at place to + i.
struct BranchingStates {
  vk::BufferView parents;  // (n) uint32
  uint32_t from = 0, to = 0;
};

// What a step of an encoder of sounds begins with.
struct SoundStep {
  vk::BufferView frames;  // (windows, sound_floats()), see blocks/sound.h
  uint32_t windows = 0;   // each of as many rows as the encoder has positions
};

// Rows of a step that pictures fill instead of embeddings.
struct PictureStep {
  struct Run {
    uint32_t first = 0, count = 0;  // rows of the step
  };
  std::span<const Run> runs;
  vk::BufferView rows;            // (1 + deepstack, capacity, width): what they are and get; zeros where no picture is
  uint32_t capacity = 0;          // rows
  vk::BufferView ones;            // (n) choices of combine() with a weight of 1
  vk::BufferView text_rows;       // (n) StepRow, in which the token of a picture's row is 0
  AttentionTexts text, pictures;  // runs of rows without and of pictures, as attention of whole pictures takes them
};

struct StepShape {
  uint32_t n = 1;            // tokens
  bool one_sequence = true;  // consecutive tokens of one sequence, or of `texts`; else one token of each of several
  const AttentionTexts* texts = nullptr;
  // Of a step of one sequence: where it is not kNone, no kernel is chosen by n, so that keys, values and logits are the
  // same bits however a prompt is cut into steps. Costs speed.
  Exactness exact = Exactness::kNone;
  vk::BufferView step_rows;                          // (n) StepRow
  const vk::BufferView* decode_arguments = nullptr;  // group counts of split attention: a decode step
  bool chained = false;                              // of a decode step: its rows attend to each other's keys
  uint32_t first_logit = 0, logit_count = 0;         // rows whose logits are wanted, into logits from its first row
  StateSnapshots snapshots;                          // of a step of one sequence
  CrossStep cross;                                   // of a decoder with an encoder
  SoundStep sound;                                   // of ModelSpec::sound_bands
  BranchingStates branching;                         // of RecurrenceKind::kSsru
  const PictureStep* pictures = nullptr;             // of a step of one sequence
  const vk::Buffer* logits = nullptr;                // (logit_count, vocabulary) instead of the workspace's
  const AdapterStack* adapters = nullptr;            // of a step with rows whose sequences have some
  std::set<uint32_t>* adaptable = nullptr;           // takes the matrices to which the step would add adapters
};

struct StepContext {
  const ModelSpec& spec;
  const DecoderWeights& weights;
  Workspace& work;
  std::span<const KvPages> pages;  // one for each layer
  std::span<const States> states;  // likewise
  StepShape step;
  const DecoderWeights* shared = nullptr;  // whose tables are used where `weights` has none

  States states_of(size_t layer) const {
    return {.view = states[layer].view, .stride = states[layer].stride, .snapshots = step.snapshots};
  }
  FloatRows hidden() const { return rows_of(work.hidden, spec.width); }
  FloatRows normed() const { return rows_of(work.normed, spec.width); }
};

// Embedding, layers [first, last) and head: a whole step, or a part of one.
void record_embedding(Recorder recorder, const StepContext& context);
void record_layers(Recorder recorder, const StepContext& context, size_t first, size_t last);
void record_head(Recorder recorder, const StepContext& context);
void record_step(Recorder recorder, const StepContext& context);
// Instead of a head: the rows of the texts, with the last norm, are in hidden() then.
void record_encoding(Recorder recorder, const StepContext& context);
// The layers behind the pooled vectors of `count` texts, from hidden() to `y`.
void record_pooled(Recorder recorder, const StepContext& context, uint32_t count, FloatRows y);

}  // namespace pumice

#include "kernels/attention.h"

#include <algorithm>
#include <bit>
#include <initializer_list>
#include <vector>

#include "kernels/device_policy.h"
#include "shared/attention.h"
#include "shared/step_params.h"

namespace pumice {

uint64_t attention_partial_bytes(uint32_t rows, uint32_t heads, uint32_t head_dim, uint32_t max_splits) {
  return uint64_t{4} * rows * heads * (head_dim + kAttentionPartialExtra) * max_splits;
}

namespace {

constexpr uint32_t kMaxHeadDim = 640;
// Shared memory of a workgroup of several subgroups of decode, so that more than one fits where there is 64 KiB; and
// subgroups that it has side by side for the heads of a group.
constexpr uint32_t kDecodeShared = 32768, kMostSets = 2;
constexpr uint32_t kWideLanes = 128;  // that have the heads that are too wide for a subgroup
// The CPU kernels are unrolled over these; larger ones take seconds to compile (software driver of Mesa 26).
constexpr uint32_t kCpuDecodeDims = 1024, kCpuPrefillDims = 256;
constexpr uint32_t kSharedReserve = 256;  // bytes for small variables

// What the lanes of the CPU kernels share out: words, or pairs of dimensions where K and V may have any types.
uint32_t lane_words(const AttentionShape& shape) {
  return shape.format.plain() ? kv_words(shape.format.k, shape.head_dim) : shape.head_dim / 2;
}

// Shared memory of decode for each head, and without any.
struct DecodeShared {
  uint32_t query, sums, rest;  // sums: for each subgroup
};
DecodeShared decode_shared(const AttentionShape& shape, uint32_t lanes) {
  const uint32_t quads = shape.head_dim / 4, keys = std::max(lanes, kPageTokens), parts = lanes / (keys / 4);
  return {.query = 16 * (quads + parts * kKvBlock / 4),  // a part ends with zeros
          .sums = 16 * divide_up(quads, lanes) * lanes + 4 * keys + 8,
          .rest = kSharedReserve + 4 * lanes};
}

Shader shader(ShaderKernel kernel, const AttentionShape& shape) {
  return {kernel, ShaderForm::kPlain, shape.format.shader_axis()};
}

AttentionChoice choose_decode(const vk::DeviceCaps& caps, const AttentionShape& shape) {
  const DevicePolicy policy = device_policy(caps);
  if (policy.attention_by_lanes && lane_words(shape) % caps.subgroup_size == 0 &&
      shape.group * shape.head_dim <= kCpuDecodeDims)
    return {shader(ShaderKernel::kAttentionCpuDecode, shape), caps.subgroup_size, shape.group, true};
  const uint32_t mixed = shape.format.plain() ? 0 : 1;
  ReduceChoice reduce = choose_reduce(caps);
  const uint32_t narrow = policy.attention_subgroup;
  if (reduce.full_subgroups && narrow) reduce.workgroup = reduce.subgroup_size = narrow;
  const bool wide = shape.head_dim > policy.attention_subgroup_dims;
  if (wide) reduce = {.form = ShaderForm::kShared, .workgroup = kWideLanes};
  const uint32_t lanes = reduce.workgroup;
  const uint32_t registers = (mixed || wide ? 6 : 4) + 4 * divide_up(shape.head_dim / 4, lanes);  // a head's
  const uint32_t wanted = std::clamp(policy.attention_registers / registers, 1u, shape.group);
  const DecodeShared shared = decode_shared(shape, lanes);
  AttentionChoice choice{.shader = {ShaderKernel::kAttention, reduce.form, shape.format.shader_axis()},
                         .full_subgroups = reduce.full_subgroups,
                         .subgroup_size = reduce.subgroup_size};
  choice.ahead = policy.attention_ahead;
  const uint32_t most_shares = reduce.full_subgroups ? policy.attention_shares : 1;
  for (uint32_t shares = most_shares; shares > 0; shares /= 2)
    for (uint32_t sets = most_shares == 1 ? 1 : std::min(divide_up(shape.group, wanted), kMostSets); sets > 0; --sets) {
      const uint32_t subgroups = shares * sets;
      const uint32_t bytes = subgroups == 1 ? caps.max_shared_bytes : std::min(caps.max_shared_bytes, kDecodeShared);
      const uint32_t rest = shared.rest + 4 * mixed * subgroups * shape.head_dim;
      const uint32_t room = rest < bytes ? (bytes - rest) / (sets * shared.query + subgroups * shared.sums) : 0;
      const auto passes = [&](uint32_t heads) { return divide_up(shape.group, sets * heads); };
      if (room == 0 || (subgroups > 1 && passes(std::min(room, wanted)) > passes(wanted))) continue;
      if (subgroups > 1 && subgroups * lanes > caps.max_workgroup_invocations) continue;
      choice.workgroup = subgroups * lanes;
      choice.subgroups = subgroups;
      choice.sets = sets;
      choice.queries = divide_up(shape.group, sets * divide_up(shape.group, sets * std::min(room, wanted)));
      return choice;
    }
  return {};
}

// f16 in, f32 out, of a shape that tiles a page and a head and what each share has of them.
const vk::CooperativeMatrix* find_matrix(const vk::DeviceCaps& caps, uint32_t head_dim, uint32_t shares) {
  using enum vk::ComponentType;
  const auto fits = [&](const vk::CooperativeMatrix& m) {
    return m.a == kF16 && m.b == kF16 && m.c == kF32 && m.result == kF32 && m.n <= 16 && m.n % shares == 0 &&
           m.m % 4 == 0 && kPageTokens % (m.m * shares) == 0 && head_dim % (m.m * shares) == 0 && m.k % 8 == 0 &&
           kPageTokens % m.k == 0 && head_dim % m.k == 0;
  };
  const auto found = std::find_if(caps.cooperative_matrices.begin(), caps.cooperative_matrices.end(), fits);
  return found == caps.cooperative_matrices.end() ? nullptr : &*found;
}

uint32_t matrix_shared_bytes(uint32_t queries, uint32_t head_dim, bool all_kept) {
  const uint32_t dims = head_dim + kAttentionMatrixPadding, tokens = kPageTokens + kAttentionMatrixPadding;
  const uint32_t staged = all_kept ? 0 : queries;
  return 2 * (std::max(kPageTokens * dims, head_dim * tokens) + staged * dims) + 4 * queries * (tokens + 1);
}

// Sums of a lane, in registers: on AMD's Navi 31 (Mesa 26) 64 of heads of 128 spill none, of heads of 256 they do.
constexpr uint32_t kMatrixSums = 64, kMatrixHeadDim = 128;
// Lanes that can share a query's scores: each has 8 or more.
constexpr uint32_t kMatrixParts = kPageTokens / 8;

AttentionChoice choose_matrices(const vk::DeviceCaps& caps, const AttentionShape& shape) {
  if (!shape.matrices_built || shape.format.k == KvType::kF32 || shape.format.v == KvType::kF32 || !caps.float16 ||
      !caps.fixed_subgroup || !caps.subgroup_shuffle || shape.head_dim > kMatrixHeadDim)
    return {};
  const DevicePolicy policy = device_policy(caps);
  const uint32_t lanes = policy.matrix_subgroup, shares = policy.attention_matrix_shares;
  const vk::CooperativeMatrix* matrix = find_matrix(caps, shape.head_dim, shares);
  if (!matrix || !std::has_single_bit(lanes) || lanes * shares > kMatrixParts * matrix->n ||
      matrix->n * shape.head_dim > kMatrixSums * shares * lanes)
    return {};
  const uint32_t matrices = shape.head_dim / matrix->k;
  const uint32_t kept = shares == 1 ? matrices : std::min(policy.attention_matrices_kept, matrices);
  for (uint32_t groups = policy.attention_matrix_groups; groups > 0; groups /= 2) {
    const uint32_t subgroups = groups * shares, queries = groups * matrix->n, workgroup = subgroups * lanes;
    if (workgroup > caps.max_workgroup_invocations ||
        matrix_shared_bytes(queries, shape.head_dim, kept == matrices) + kSharedReserve > caps.max_shared_bytes)
      continue;
    AttentionChoice choice{
        shader(ShaderKernel::kAttentionCoopmat, shape), workgroup, queries, true, lanes, *matrix, subgroups};
    choice.shares = shares;
    choice.kept = kept;
    return choice;
  }
  return {};
}

// Dimensions of a head whose sums fit the registers of kAttentionTileLanes lanes; beyond, M1, Arc A770 and B580 spill
// 160 to 340 of them, and Navi 31 takes 200.
constexpr uint32_t kTileDims = 256;

uint32_t tile_shared_bytes(uint32_t queries, uint32_t head_dim, uint32_t shares) {
  const uint32_t parts = shares > 1 ? kAttentionTileTokens * shares : 0;
  return 4 * (queries * (head_dim + kAttentionTilePadding) + kPageTokens * (queries + kAttentionTilePadding) +
              kAttentionTileLanes * queries * (1 + parts));
}

AttentionChoice choose_prefill(const vk::DeviceCaps& caps, const AttentionShape& shape) {
  const DevicePolicy policy = device_policy(caps);
  if (policy.attention_by_lanes && shape.head_dim <= kCpuPrefillDims)
    return {shader(ShaderKernel::kAttentionCpuPrefill, shape), caps.subgroup_size,
            kAttentionCpuQueries * caps.subgroup_size, true};
  const AttentionChoice matrices = choose_matrices(caps, shape);
  if (matrices.shader) return matrices;
  AttentionChoice choice{.shader = shader(ShaderKernel::kAttentionTile, shape),
                         .full_subgroups = policy.attention_subgroup != 0};
  choice.subgroup_size = policy.attention_subgroup;
  while (!policy.matvec_only && shape.head_dim > choice.shares * kTileDims) choice.shares *= 2;
  for (const uint32_t queries : {32u, 16u, 8u, 4u}) {
    choice.queries = queries;
    choice.workgroup = queries / kAttentionTileQueries * kAttentionTileLanes * choice.shares;
    if (choice.workgroup <= caps.max_workgroup_invocations &&
        tile_shared_bytes(queries, shape.head_dim, choice.shares) + kSharedReserve <= caps.max_shared_bytes)
      return choice;
  }
  return {};
}

}  // namespace

AttentionChoice choose_attention(const vk::DeviceCaps& caps, const AttentionShape& shape) {
  if (shape.head_dim == 0 || shape.head_dim % 4 != 0 || shape.head_dim > kMaxHeadDim) return {};
  return shape.one_sequence ? choose_prefill(caps, shape) : choose_decode(caps, shape);
}

bool attention_fits(const vk::DeviceCaps& caps, uint32_t group, uint32_t head_dim) {
  const auto fits = [&](bool one_sequence) {
    return choose_attention(caps, {.group = group, .head_dim = head_dim, .one_sequence = one_sequence})
        .shader.operator bool();
  };
  return fits(false) && fits(true);
}

static uint32_t form_of(const AttentionArgs& args) {
  const uint32_t reach = args.window == 0 ? 0u : args.chunks ? kAttentionChunks : kAttentionWindow;
  return reach | (args.softcap != 0 ? kAttentionSoftcap : 0u) | (args.sinks ? kAttentionSinks : 0u) |
         (args.slopes ? kAttentionSlopes : 0u) | (args.biases ? kAttentionBiases : 0u) |
         (args.texts ? kAttentionTexts : 0u) | (args.texts && args.texts->both_ways ? kAttentionBothWays : 0u) |
         (args.picture ? kAttentionBothWays | kAttentionPicture : 0u);
}

static AttentionPush push_of(const AttentionArgs& args, const FloatRows& q) {
  const KvWriteArgs* append = args.append;
  return {.n = args.n,
          .kv_heads = args.kv_heads,
          .q_stride = q.stride,
          .y_stride = args.y.stride,
          .pages_per_slot = args.pages.pages_per_slot,
          .max_splits = args.max_splits,
          .scale = args.scale,
          .rotary = append ? append->rotary : 0,
          .half_pairs = append ? static_cast<uint32_t>(append->pairs) : 0,
          .magnitude = append ? append->query.magnitude : 1,
          .temperature = append ? append->query.temperature : 0,
          .temperature_length = append ? append->query.temperature_length : 1,
          .window = args.window,
          .softcap = args.softcap};
}

static std::vector<uint32_t> constants_of(const AttentionArgs& args, const AttentionChoice& choice) {
  std::vector<uint32_t> constants = {choice.workgroup, args.head_dim,    args.heads / args.kv_heads,
                                     choice.queries,   choice.matrix.m,  choice.matrix.n,
                                     choice.matrix.k,  choice.subgroups, choice.ahead,
                                     choice.sets,      form_of(args)};
  if (args.append) constants[kAttentionSpecAppend] = 1;
  if (args.one_sequence) {
    constants[kAttentionSpecShares] = choice.shares;
    constants[kAttentionSpecKept] = choice.kept;
  }
  if (args.value_dim != 0 && args.value_dim != args.head_dim) {
    constants.resize(kAttentionSpecValueDim + 1);
    constants[kAttentionSpecValueDim] = args.value_dim;
  }
  const KvFormat& format = args.pages.format;
  if (format.plain()) return constants;
  const uint32_t first = choice.matrix.m ? kAttentionSpecMatrixTypes : kAttentionSpecTypes;
  constants.resize(std::max(constants.size(), size_t{first} + 3));
  constants[first] = static_cast<uint32_t>(format.k);
  constants[first + 1] = static_cast<uint32_t>(format.v);
  constants[first + 2] = format.v_rotation(args.head_dim);
  return constants;
}

void attention(Recorder recorder, const AttentionArgs& args) {
  const uint32_t group = args.heads / args.kv_heads;
  const bool matrices_built = Shader(ShaderKernel::kAttentionCoopmat).built();
  const AttentionChoice choice = choose_attention(recorder.kernels.caps(), {.format = args.pages.format,
                                                                            .group = group,
                                                                            .head_dim = args.head_dim,
                                                                            .one_sequence = args.one_sequence,
                                                                            .matrices_built = matrices_built});
  if (!choice.shader)
    return recorder.stream.fail(
        error(Status::kUnsupported, "no attention kernel of this device takes %u heads of %u", group, args.head_dim));
  const KvWriteArgs* append = args.append;
  PUMICE_CHECK(!append || (!args.one_sequence && attention_appends(args.pages.format)));
  PUMICE_CHECK(args.value_dim <= args.head_dim && args.value_dim % 4 == 0);
  PUMICE_CHECK((args.sinks != nullptr) + (args.slopes != nullptr) + (args.biases != nullptr) <= 1);
  const FloatRows& q = append ? append->qkv : args.q;
  const AttentionPush push = push_of(args, q);
  const uint32_t rows = args.texts ? args.texts->longest : args.n;  // of the longest sequence
  const uint32_t binding_count = args.one_sequence           ? kAttentionPrefillBindings
                                 : args.pages.format.plain() ? kAttentionBindings
                                                             : kAttentionMixedBindings;
  vk::BufferView bindings[kAttentionBindings] = {q.view,
                                                 args.pages.k,
                                                 args.pages.v,
                                                 args.pages.page_table,
                                                 args.step_rows,
                                                 args.y.view,
                                                 args.partials,
                                                 args.counters,
                                                 append ? append->frequencies : args.step_rows};
  const vk::Buffer* const one_each = args.sinks ? args.sinks : args.slopes ? args.slopes : args.biases;
  const vk::BufferView of_heads = one_each ? vk::BufferView(*one_each) : args.step_rows;
  bindings[args.one_sequence ? kAttentionOfHeadsInPrefill : binding_count - 1] = of_heads;
  if (args.one_sequence) bindings[kAttentionOfHeadsInPrefill + 1] = args.texts ? args.texts->spans : args.step_rows;
  const std::vector<uint32_t> constants = constants_of(args, choice);
  record(recorder, {.shader = choice.shader,
                    .constants = constants,
                    .full_subgroups = choice.full_subgroups,
                    .subgroup_size = choice.subgroup_size,
                    .push = push_bytes(push),
                    .bindings = std::span(bindings, binding_count),
                    .groups = {args.one_sequence ? divide_up(rows * group, choice.queries) : rows, args.kv_heads,
                               args.texts ? args.texts->count : 1},
                    .indirect = args.one_sequence ? nullptr : args.arguments,
                    .cost = {.bytes = 8.0 * args.n * args.heads * args.head_dim}});
}

}  // namespace pumice

#include "kernels/roof.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>

#include "kernels/device_policy.h"
#include "shared/roof.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kVectorBytes = 16;
constexpr uint32_t kWord = 0x01020304;  // what the source is filled with
// x becomes 3 - x and back again, which is exact in every type; of packed bytes only the lowest counts.
constexpr float kFactor = -1, kByteFactor = 0xff, kOffset = 3;
// Elements of the matrices: each multiply-add takes K / 4 from all sums.
constexpr float kMatrixA = 0.5f, kMatrixB = -0.5f;

bool is_memory(Roof roof) { return roof == Roof::kRead || roof == Roof::kCopy; }

// A small part of what the process may use.
uint64_t source_bytes(const vk::DeviceCaps& caps) {
  const uint64_t most =
      std::min({device_policy(caps).roof_bytes, caps.max_storage_range, caps.max_allocation, caps.budget_bytes / 16});
  return std::bit_floor(std::max<uint64_t>(most, 1 << 20));
}

// Seconds that the device spends on one dispatch, by its timestamps where it writes them.
Result<double> seconds_of(Kernels& kernels, const RoofArgs& args) {
  PUMICE_ASSIGN(vk::CommandStream stream, vk::CommandStream::create(kernels.device(), true));
  stream.begin();
  roof({kernels, stream}, args);
  PUMICE_TRY(stream.end());
  const auto start = Clock::now();
  PUMICE_TRY(stream.run());
  const double waited = std::chrono::duration<double>(Clock::now() - start).count();
  const std::vector<vk::ProfiledOperation> profile = stream.profile();
  return !profile.empty() && profile[0].microseconds > 0 ? 1e-6 * profile[0].microseconds : std::max(waited, 1e-9);
}

// What the first word of the target must be.
uint32_t expected_word(const vk::DeviceCaps& caps, const RoofArgs& args) {
  if (args.roof == Roof::kCopy) return kWord;
  if (args.roof == Roof::kRead) {
    const RoofVariant variant = choose_roof(caps, Roof::kRead);
    const auto vectors = static_cast<uint32_t>(args.source.size / kVectorBytes);
    if (variant.lines) return divide_up(divide_up(vectors, kRoofLineVectors), args.groups) * kWord;
    return divide_up(vectors, args.groups * variant.workgroup) * 4 * kWord;
  }
  if (args.roof == Roof::kMatrix) {
    const uint32_t k = choose_roof(caps, Roof::kMatrix).k;
    float sum = 0;
    for (uint32_t chain = 0; chain < kRoofMatrixChains; ++chain)
      sum += static_cast<float>(chain) - static_cast<float>(args.iterations * k) / 4;
    return std::bit_cast<uint32_t>(sum);
  }
  uint32_t sum = 0;  // iterations are even
  for (uint32_t chain = 0; chain < kRoofChains; ++chain) sum += chain % 8;
  return args.roof == Roof::kInt8 ? sum : std::bit_cast<uint32_t>(static_cast<float>(sum));
}

Result<void> check_target(Kernels& kernels, const RoofArgs& args) {
  PUMICE_ASSIGN(const vk::Buffer word, kernels.device().create_buffer(4, vk::MemoryIntent::kReadback));
  PUMICE_ASSIGN(vk::CommandStream stream, vk::CommandStream::create(kernels.device()));
  vk::BufferView first = args.target;
  first.size = 4;
  stream.begin();
  stream.copy(first, word);
  PUMICE_TRY(stream.end());
  PUMICE_TRY(stream.run());
  if (*word.mapped_as<uint32_t>() == expected_word(kernels.caps(), args)) return {};
  return error(Status::kInternal, "%s gave a wrong result, so its time means nothing: update the driver",
               std::string(choose_roof(kernels.caps(), args.roof).shader.name()).c_str());
}

// The best rate; `work` is that of one iteration of the whole dispatch.
Result<double> best_rate(Kernels& kernels, RoofArgs args, double work) {
  constexpr double kLongEnough = 4e-3, kLimit = 0.35;  // seconds: of one dispatch, of all of them
  constexpr uint32_t kMostIterations = 1u << 15;       // Mesa's software driver leaves a loop after 65535
  constexpr int kRuns = 5;
  const auto start = Clock::now();
  double best = 0;
  for (int runs = 0; runs < kRuns;) {
    PUMICE_ASSIGN(const double seconds, seconds_of(kernels, args));
    best = std::max(best, work * args.iterations / seconds);
    if (std::chrono::duration<double>(Clock::now() - start).count() > kLimit) break;
    if (is_memory(args.roof) || seconds >= kLongEnough || args.iterations >= kMostIterations)
      ++runs;
    else
      args.iterations *= 2;
  }
  PUMICE_TRY(check_target(kernels, args));
  return best;
}

struct Memory {
  vk::Buffer source, target;
};

Result<Memory> create_memory(Kernels& kernels) {
  vk::Device& device = kernels.device();
  Memory memory;
  for (uint64_t bytes = source_bytes(kernels.caps());; bytes /= 2) {
    Result<vk::Buffer> source = device.create_buffer(bytes, vk::MemoryIntent::kDevice);
    Result<vk::Buffer> target = device.create_buffer(bytes, vk::MemoryIntent::kDevice);
    if (source && target) {
      memory = {std::move(*source), std::move(*target)};
      break;
    }
    if (bytes <= 1 << 20) return source ? std::move(target).error() : std::move(source).error();
  }
  // Pages that were never written would all be one page of zeros on a software driver.
  PUMICE_ASSIGN(vk::CommandStream stream, vk::CommandStream::create(device));
  stream.begin();
  stream.fill(memory.source, kWord);
  stream.fill(memory.target, 0);
  PUMICE_TRY(stream.end());
  PUMICE_TRY(stream.run());
  return memory;
}

}  // namespace

RoofVariant choose_roof(const vk::DeviceCaps& caps, Roof roof) {
  const auto built = [](ShaderForm form) {
    const Shader shader(ShaderKernel::kRoof, form);
    return shader.built() ? shader : Shader();
  };
  RoofVariant variant;
  const DevicePolicy policy = device_policy(caps);
  variant.workgroup = std::min(policy.roof_workgroup, std::bit_floor(caps.max_workgroup_invocations));
  switch (roof) {
    case Roof::kRead:
      variant.lines = policy.roof_by_lines;
      variant.shader = built(variant.lines ? ShaderForm::kReadLines : ShaderForm::kRead);
      break;
    case Roof::kCopy:
      variant.shader = built(ShaderForm::kCopy);
      break;
    case Roof::kF32:
      variant.shader = built(ShaderForm::kF32);
      break;
    case Roof::kF16:
      variant.shader = caps.float16 ? built(ShaderForm::kF16) : Shader();
      break;
    case Roof::kInt8:
      variant.shader = caps.integer_dot ? built(ShaderForm::kInt8) : Shader();
      break;
    case Roof::kMatrix:
      variant.workgroup = caps.subgroup_size;
      variant.full_subgroups = true;
      for (const vk::CooperativeMatrix& c : caps.cooperative_matrices) {
        const bool wanted = c.a == vk::ComponentType::kF16 && c.b == vk::ComponentType::kF16 &&
                            c.c == vk::ComponentType::kF32 && c.result == vk::ComponentType::kF32;
        if (!wanted || !caps.fixed_subgroup || c.m * c.n * c.k <= variant.m * variant.n * variant.k) continue;
        variant.shader = built(ShaderForm::kMatrix);
        variant.m = c.m;
        variant.n = c.n;
        variant.k = c.k;
      }
      break;
  }
  return variant;
}

uint64_t roof_target_bytes(const vk::DeviceCaps& caps, Roof roof, uint32_t groups) {
  const RoofVariant variant = choose_roof(caps, roof);
  return uint64_t{4} * groups * (roof == Roof::kMatrix ? variant.m * variant.n : variant.workgroup);
}

double roof_operations(const vk::DeviceCaps& caps, Roof roof) {
  const RoofVariant variant = choose_roof(caps, roof);
  if (is_memory(roof)) return 0;
  if (roof == Roof::kMatrix) return 2.0 * kRoofMatrixChains * variant.m * variant.n * variant.k;
  return (roof == Roof::kInt8 ? 8.0 : 2.0) * kRoofChains * variant.workgroup;
}

void roof(Recorder recorder, const RoofArgs& args) {
  const vk::DeviceCaps& caps = recorder.kernels.caps();
  const RoofVariant variant = choose_roof(caps, args.roof);
  PUMICE_CHECK(variant.shader);
  const RoofPush push{.count = static_cast<uint32_t>(args.source.size / kVectorBytes),
                      .iterations = args.iterations,
                      .factor = args.factor,
                      .offset = args.offset};
  const vk::BufferView bindings[kRoofBindings] = {args.source, args.target};
  const uint32_t constants[] = {variant.workgroup, variant.m, variant.n, variant.k};
  const double bytes = static_cast<double>(args.source.size) * (args.roof == Roof::kCopy ? 2 : 1);
  record(recorder, {.shader = variant.shader,
                    .constants = constants,
                    .full_subgroups = variant.full_subgroups,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {args.groups, 1, 1},
                    .cost = {.bytes = is_memory(args.roof) ? bytes : 0,
                             .flops = roof_operations(caps, args.roof) * args.groups * args.iterations}});
}

Result<Roofs> measure_roofs(Kernels& kernels) {
  const vk::DeviceCaps& caps = kernels.caps();
  const DevicePolicy policy = device_policy(caps);
  PUMICE_ASSIGN(const Memory memory, create_memory(kernels));
  Roofs roofs;
  double* const rates[] = {&roofs.read_bytes, &roofs.copy_bytes, &roofs.f32_flops,
                           &roofs.f16_flops,  &roofs.int8_ops,   &roofs.matrix_flops};
  for (const Roof kind : kAllRoofs) {
    const bool matrix = kind == Roof::kMatrix;
    if (!choose_roof(caps, kind).shader || (matrix && !policy.roof_matrices)) continue;
    RoofArgs args{.roof = kind,
                  .source = memory.source,
                  .target = memory.target,
                  .groups = matrix ? policy.roof_matrix_groups : policy.roof_groups};
    // The target must hold what this many groups write.
    while (roof_target_bytes(caps, kind, args.groups) > memory.target.size()) args.groups /= 2;
    double work = static_cast<double>(memory.source.size()) * (kind == Roof::kCopy ? 2 : 1);
    if (!is_memory(kind)) {
      args.iterations = 64;
      args.factor = kind == Roof::kMatrix ? kMatrixA : kind == Roof::kInt8 ? kByteFactor : kFactor;
      args.offset = kind == Roof::kMatrix ? kMatrixB : kOffset;
      work = roof_operations(caps, kind) * args.groups;
    }
    PUMICE_ASSIGN(*rates[static_cast<size_t>(kind)], best_rate(kernels, args, work));
  }
  return roofs;
}

}  // namespace pumice

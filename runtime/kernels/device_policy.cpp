#include "kernels/device_policy.h"

#include <algorithm>
#include <bit>

#include "shared/matmul.h"

namespace pumice {
namespace {

// PCI ids, and VkDriverIds.
constexpr uint32_t kAmd = 0x1002, kNvidia = 0x10de, kIntel = 0x8086, kQualcomm = 0x5143;
constexpr uint32_t kNvk = 24, kHoneykrisp = 26;

// Mesa 26.2 for Navi 31 and gfx1201.
void follow_amd(const vk::DeviceCaps& caps, DevicePolicy& policy) {
  // Eight heads of 256 in a subgroup take all 256 registers, and shared memory leaves a workgroup no second subgroup.
  // Four, in two passes of four subgroups, are predicted to take 2.1 ms instead of 9.8 in 32 layers at depth 2,048 on
  // Navi 31.
  policy.attention_registers = 40;
  // Up to RDNA1 two units of F16 or Q8_0 leave room for 16 and 18 of 40 subgroups on Navi 10 and 4 of 10 on Vega 10,
  // one for 22 and 5.
  if (!caps.integer_dot_accelerated) policy.matvec_wide_ahead = false;
  // Before RDNA4, which alone has matrices of bf16, each 16 lanes hold the whole of an operand, so wide subgroups read
  // twice as much of shared memory: 281 bytes instead of 219 for 1000 multiply-adds of the 128 x 128 tile. RDNA4 reads
  // 94 and 125.
  const auto bf16 = [](const vk::CooperativeMatrix& matrix) { return matrix.a == vk::ComponentType::kBF16; };
  if (std::ranges::none_of(caps.cooperative_matrices, bf16)) policy.matrix_subgroup = caps.min_subgroup_size;
}

// NVK of Mesa 26.2 for Ada. On Pascal the gated products of F16 have room for 28 of 64 warps; these have 57 KB of loads
// in flight on an SM, where 480 GB/s on 28 of them, at 420 ns, want 7 KB.
void follow_nvidia(const vk::DeviceCaps& caps, DevicePolicy& policy) {
  policy.half_sums = true;  // GeForce cards since Turing multiply twice as fast with them, by their data sheets
  // What is loaded ahead takes registers: the 128 x 128 tile then leaves room for 16 warps instead of 20, that of
  // 64 x 32 for 20 instead of 32.
  if (caps.driver_id == kNvk) policy.matrix_ahead = false;
}

// Mesa 26.2 for Gen9 to Xe3, as tests/matrix has it. A thread has 4 KiB of registers for all of its lanes (8 KiB from
// Xe2 on), so kernels spill with the 32 lanes that the driver offers first.
void follow_intel(const vk::DeviceCaps& caps, DevicePolicy& policy) {
  if (caps.subgroup_size_control) {
    // The matrix-vector kernels spill by 32, not by 16.
    policy.reduce_subgroup = std::clamp(16u, caps.min_subgroup_size, caps.max_subgroup_size);
    // With 32, a prefill tile of heads of 128 spills 282 registers on Arc A770 and 56 on B580.
    if (caps.fixed_subgroup) policy.attention_subgroup = caps.min_subgroup_size;
  }
  // Decode with four heads of 128: with 8 lanes 67 to 205 registers are spilled, with 16 (B580) up to 3.
  policy.attention_ahead = 4;
  policy.attention_registers = 48;
  // Heads of 512 and 576 spill 34 to 95 registers with the 8 lanes of Arc A770 and Gen9, 18 with the 16 of B580.
  policy.attention_subgroup_dims = 256;
  // Up to Xe-HPG a thread of 16 lanes has 64 registers a lane, too few for several columns or two matrices: 10 to 418
  // are spilled, of gated Q8_0 3; with 8 lanes none.
  if (caps.min_subgroup_size <= 8) policy.matvec_cols_subgroup = 8;
  // More sums a lane, and vectors with two rows a lane, spill; on AMD, NVIDIA and Qualcomm they do not.
  policy.most_dot_sums = 16;
  policy.most_dot_rows = 1;
  // Matrices are native to the narrowest subgroups only: with 16 lanes the 64 x 64 tile spills no register on B580,
  // with 32 it spills 141. Loads ahead of their use spill 26 there with 64 sums a lane.
  policy.matrix_subgroup = caps.min_subgroup_size;
  policy.matrix_ahead = false;
  // On B580 83 instructions for 1000 multiply-adds instead of 96 (Q8_0, Q4_0), and none spilled; on A770 the largest
  // tile spills 18 for it. On Ada they cost the 128 x 128 tile 4 of 20 warps.
  policy.matrix_rows_kept = caps.min_subgroup_size > 8;
  // The sums of a matrix of queries, heads of 128, are all of a subgroup's registers. Two share them on Arc B580 (64 a
  // lane, of 128 registers), four on A770: with two it spills 10, as addresses and matrices take more there.
  policy.attention_matrix_shares = caps.min_subgroup_size <= 8 ? 4 : 2;
  if (caps.min_subgroup_size <= 8) {
    // Bytes of shared memory for 1000 multiply-adds of a head of 128: 448 instead of 512. Three spill 2.
    policy.attention_matrices_kept = 2;
    policy.attention_matrix_groups = 8;
  }
}

// Mesa 26.2 for M1: decode attention of 8 heads of 64 in a subgroup spills 15 registers, of 4 none.
void follow_honeykrisp(DevicePolicy& policy) { policy.attention_registers = 48; }

// Adreno 630 (Mesa 26).
void follow_qualcomm(const vk::DeviceCaps& caps, DevicePolicy& policy) {
  // Of 128 lanes the kernels leave room for 2 to 6 of 16 subgroups, of 64 for more.
  if (caps.subgroup_size_control)
    policy.reduce_subgroup = std::clamp(64u, caps.min_subgroup_size, caps.max_subgroup_size);
  // Two units ahead, or one of two columns, spill 12 to 193 registers; one with a norm leaves room for 4 of 16
  // subgroups.
  policy.matvec_units_ahead = 0;
  // 16 sums spill 11 to 163 registers, 4 none.
  policy.most_matvec_cols = 4;
  policy.most_gated_cols = 2;
}

// llvmpipe on an AMD EPYC with AVX-512.
void follow_software(const vk::DeviceCaps& caps, DevicePolicy& policy) {
  policy.shares_host_memory = true;
  const uint32_t lanes = caps.subgroup_size;
  // That of Mesa 26 does; those of 25.0 and 22.3 spill them, and take seconds, or minutes, over a large kernel.
  policy.many_registers = caps.driver_major >= 26;
  policy.compiles_when_run = true;
  policy.scan_workgroup = 0;
  policy.kv_head_lanes = std::min(lanes, policy.kv_head_lanes);  // lanes that wait for others cost most
  // Columns in registers beat tiles in shared memory.
  policy.matvec_only = true;
  policy.matvec_by_lanes = caps.int64 && caps.subgroup_shuffle && (lanes == 4 || lanes == 8);
  policy.by_address = policy.many_registers && policy.matvec_by_lanes && caps.fixed_subgroup && caps.buffer_address &&
                      lanes == kMatmulPanelLanes;
  policy.matvec_tuned = false;  // a row of y must not depend on how many are computed with it
  policy.attention_shares = 1;
  policy.attention_ahead = 4;
  policy.attention_by_lanes = policy.many_registers && caps.fixed_subgroup && caps.subgroup_shuffle &&
                              std::has_single_bit(lanes) && lanes >= 4 && lanes <= 16;
  policy.roof_workgroup = 8;
  policy.roof_groups = 256;  // a CPU has a few cores
  policy.roof_by_lines = true;
  policy.roof_matrices = false;  // and the compiler takes the constant products out of the loop
  policy.roof_bytes = uint64_t{64} << 20;
  policy.tuning_bytes = uint64_t{16} << 20;
  policy.tuning_seconds = 3;
  policy.tuning_round_seconds = 0.01;
  policy.tuning_rounds = 3;
  policy.steps_ahead = 2;
  policy.prefill_slice = 128;
  policy.prefill_flops = 2e10;
}

}  // namespace

DevicePolicy device_policy(const vk::DeviceCaps& caps) {
  DevicePolicy policy{.reduce_subgroup = caps.subgroup_size, .matrix_subgroup = caps.subgroup_size};
  // Two for each of 64 compute units, or of 16. Not measured on a GPU yet; the autotuner tries the other candidates.
  if (caps.type == vk::DeviceType::kDiscrete || caps.type == vk::DeviceType::kVirtual) {
    policy.matmul_workgroups = 128;
    policy.matvec_lanes = 98304;  // 16 waves of 32 on each of 192 SIMDs
  }
  if (caps.vendor_id == kAmd) follow_amd(caps, policy);
  if (caps.vendor_id == kNvidia) follow_nvidia(caps, policy);
  if (caps.vendor_id == kIntel) follow_intel(caps, policy);
  if (caps.vendor_id == kQualcomm) follow_qualcomm(caps, policy);
  if (caps.driver_id == kHoneykrisp) follow_honeykrisp(policy);
  if (caps.type == vk::DeviceType::kCpu) follow_software(caps, policy);
  return policy;
}

}  // namespace pumice

// DevicePolicy: what is decided by a device's type, vendor or driver version, where what it reports (DeviceCaps) does
// not tell. device_policy.cpp has the measurement behind each value. No other file asks who made a device or what kind
// it is.
#pragma once

#include "vk/caps.h"

namespace pumice {

// The defaults are for a GPU that nothing is known about.
struct DevicePolicy {
  // Subgroups and registers.
  uint32_t reduce_subgroup = 0;       // lanes of the subgroup that a reduction takes
  uint32_t attention_subgroup = 0;    // attention takes this instead; 0: it does not
  uint32_t attention_shares = 4;      // most subgroups that share out the keys of a workgroup of decode attention
  uint32_t attention_ahead = 8;       // 16-byte vectors that a lane of it loads before it uses them: at least 4
  uint32_t attention_registers = 64;  // that a lane of it has for sums and scores
  uint32_t matvec_cols_subgroup = 0;  // matvec of several columns or gated takes this instead; 0: it does not
  uint32_t most_matvec_cols = 16, most_gated_cols = 16;  // columns of a workgroup of matvec
  uint32_t matvec_units_ahead = 4;                       // that a lane of matvec loads at most
  bool matvec_wide_ahead = true;                         // also of units of 32 bytes and more: several
  uint32_t most_dot_sums = 32;                           // of a lane, in matmul by integer dot products
  uint32_t most_dot_rows = 2;                            // of a lane, in matrix-vector products by integer dot products
  uint32_t attention_matrix_shares = 1;                  // subgroups that share out the matrices of the same queries
  uint32_t attention_matrices_kept = 0;                  // of those queries, in registers where they are shared
  uint32_t attention_matrix_groups = 4;                  // of such subgroups in a workgroup, a power of two
  uint32_t matrix_subgroup = 0;                          // lanes that multiply cooperative matrices in matmul
  bool matrix_ahead = true;                              // which loads the next unit while it multiplies one
  bool half_sums = false;                                // cooperative matrices may be faster with sums in f16
  bool matrix_rows_kept = false;                         // and keeps in registers where a lane loads from
  uint32_t attention_subgroup_dims = 1024;               // of a head, beyond which decode is a workgroup's

  // Workgroups.
  uint32_t scan_workgroup = 1024;   // most lanes of argmax and sample; 0: one subgroup
  uint32_t matmul_workgroups = 32;  // that a matmul wants at once
  uint32_t matvec_lanes = 16384;    // that a matrix-vector product wants
  uint32_t kv_head_lanes = 32;      // of a workgroup that writes a head in blocks

  // Software drivers, where a subgroup is a core's vector register and shared memory is memory like any other.
  bool matvec_only = false;         // products of any number of rows are matvecs, with norms and activations fused
  bool by_address = false;          // by matvec_addressed, and those of many rows by matmul_panel
  bool matvec_by_lanes = false;     // by the shader whose lanes take whole rows of weights
  bool matvec_tuned = true;         // tuning may replace the choice
  bool attention_by_lanes = false;  // by attention_cpu_*
  bool many_registers = true;       // its compiler keeps many sums in registers, and large kernels compile in time
  bool compiles_when_run = false;   // what a pipeline runs is compiled when it first runs, while others wait

  bool shares_host_memory = false;  // what it has is everybody's: contexts take little of it unless asked

  // Measuring.
  uint32_t roof_workgroup = 256, roof_groups = 2048, roof_matrix_groups = 8192;
  bool roof_by_lines = false;                  // reads whole cache lines a lane
  bool roof_matrices = true;                   // there are units for matrices to be measured
  uint64_t roof_bytes = uint64_t{512} << 20;   // beyond the last-level caches
  uint64_t tuning_bytes = uint64_t{64} << 20;  // of weights in turn, so that no cache holds them
  double tuning_seconds = 2;                   // of all measuring at a first start
  double tuning_round_seconds = 0.002;         // of a candidate
  uint32_t tuning_rounds = 5;

  // Steps.
  uint32_t steps_ahead = 4;      // submitted while the host collects
  uint32_t prefill_slice = 512;  // most tokens
  double prefill_flops = 3e12;   // a second, very roughly
};

// Pure.
DevicePolicy device_policy(const vk::DeviceCaps& caps);

}  // namespace pumice

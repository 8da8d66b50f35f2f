// GPUs that Mesa can compile for without being there: its real drivers over a kernel interface that does nothing
// (mesa-drm-shim; more of them in the folder PUMICE_TEST_SHIMS). What they report of pipelines is what a real device's
// driver of that version would.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

namespace pumice::test {

struct NoopGpu {
  const char* name;      // of the row in the tables
  const char* table;     // tests/matrix/TABLE.csv
  const char* driver;    // the ICD's file begins with it
  const char* shim;      // the library to preload
  const char* variable;  // that names the GPU
  const char* value;

  friend void PrintTo(const NoopGpu& gpu, std::ostream* out) { *out << gpu.name; }
};

// One of each generation.
inline constexpr NoopGpu kNoopGpus[] = {
    {"polaris12", "amd", "radeon_icd", "libamdgpu_noop_drm_shim.so", "AMDGPU_GPU_ID", "polaris12"},
    {"vega10", "amd", "radeon_icd", "libamdgpu_noop_drm_shim.so", "AMDGPU_GPU_ID", "vega10"},
    {"navi10", "amd", "radeon_icd", "libamdgpu_noop_drm_shim.so", "AMDGPU_GPU_ID", "navi10"},
    {"navi31", "amd", "radeon_icd", "libamdgpu_noop_drm_shim.so", "AMDGPU_GPU_ID", "navi31"},
    {"gfx1201", "amd", "radeon_icd", "libamdgpu_noop_drm_shim.so", "AMDGPU_GPU_ID", "gfx1201"},
    {"pascal", "nvidia", "nouveau_icd", "libnouveau_noop_drm_shim.so", "NOUVEAU_CHIPSET", "132"},
    {"turing", "nvidia", "nouveau_icd", "libnouveau_noop_drm_shim.so", "NOUVEAU_CHIPSET", "162"},
    {"ada", "nvidia", "nouveau_icd", "libnouveau_noop_drm_shim.so", "NOUVEAU_CHIPSET", "192"},
    {"skl", "intel", "intel_icd", "libintel_noop_drm_shim.so", "INTEL_STUB_GPU_PLATFORM", "skl"},
    {"dg2", "intel", "intel_icd", "libintel_noop_drm_shim.so", "INTEL_STUB_GPU_PLATFORM", "dg2"},
    {"bmg", "intel", "intel_icd", "libintel_noop_drm_shim.so", "INTEL_STUB_GPU_PLATFORM", "bmg"},
    {"adreno630", "adreno", "freedreno_icd", "libfreedreno_noop_drm_shim.so", "FD_GPU_ID", "630"},
    {"adreno740", "adreno", "freedreno_icd", "libfreedreno_noop_drm_shim.so", "FD_GPU_ID", "740"},
    {"m1", "apple", "asahi_icd", "libasahi_noop_drm_shim.so", "ASAHI_NOOP", "1"},
};

// The file in `folder` that begins so; "" when there is none.
inline std::string file_beginning(const std::filesystem::path& folder, const std::string& beginning) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (entry.path().filename().string().rfind(beginning, 0) == 0) return entry.path().string();
  return {};
}

// NAME=VALUE for env(1); empty when the machine has not got the driver or the shim.
inline std::vector<std::string> environment_of(const NoopGpu& gpu) {
  std::vector<std::filesystem::path> folders = {"/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu",
                                                "/usr/lib/aarch64-linux-gnu"};
  if (const char* more = std::getenv("PUMICE_TEST_SHIMS")) folders.emplace_back(more);
  std::string shim;
  for (const std::filesystem::path& folder : folders) {
    std::error_code ignored;
    if (shim.empty() && std::filesystem::is_regular_file(folder / gpu.shim, ignored))
      shim = (folder / gpu.shim).string();
  }
  const std::string driver = file_beginning("/usr/share/vulkan/icd.d", gpu.driver);
  if (shim.empty() || driver.empty()) return {};
  return {"VK_DRIVER_FILES=" + driver, "VK_ICD_FILENAMES=" + driver, "LD_PRELOAD=" + shim,
          std::string(gpu.variable) + "=" + gpu.value, "NVK_I_WANT_A_BROKEN_VULKAN_DRIVER=1"};
}

}  // namespace pumice::test

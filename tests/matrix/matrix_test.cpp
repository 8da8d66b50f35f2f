// `pumice matrix` over every vendor's compiler, on no-op GPUs: what the tables in this folder say of registers, spills
// and shared memory, and whether it has changed. Skipped where the machine has not got the drivers.
//
//   scripts/matrix_tables.sh      writes the tables anew, with the drivers of the machine
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "api/cli_support.h"
#include "matrix/noop_gpus.h"

namespace pumice::test::matrix_test {

using Json = nlohmann::json;

// Runs the program as on that GPU.
CliResult run_on(const std::vector<std::string>& environment, std::vector<std::string> arguments) {
  std::vector<std::string> words = environment;
  words.push_back(cli_path());
  words.insert(words.end(), arguments.begin(), arguments.end());
  return CliProcess::of_program("/usr/bin/env", words).wait();
}

// "radv Mesa 26.2.6-1" of the one device there is; "" when there is none.
std::string driver_of(const std::vector<std::string>& environment) {
  const Json list = Json::parse(run_on(environment, {"devices", "--json", "-q"}).out, nullptr, false);
  return list.is_array() && list.size() == 1 ? list[0].value("driver", "") : std::string();
}

// The first of the names that the driver reports; "" when it reports none.
std::string statistic(const Json& pipeline, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (pipeline["statistics"].contains(name)) return pipeline["statistics"][name].dump();
  return {};
}

std::string spills_of(const Json& p) {
  return statistic(p, {"Spilled VGPRs", "Spills to memory", "Spills", "Spill Count", "STP Count"});
}
std::string scratch_of(const Json& p) {
  return statistic(p, {"Scratch size", "SLM size", "Scratch Memory Size", "Scratch"});
}

// The kernels that the speed of a model hangs on, and what any kernel spills.
bool belongs(const Json& pipeline) {
  static const std::set<std::string> kernels = {
      "matvec",         "matmul",            "matmul_coopmat", "matmul_coopmat_half", "matmul_dot",
      "matvec_dot",     "sample",            "rms_norm",       "argmax",              "attention",
      "attention_tile", "attention_coopmat", "recurrence",     "recurrence_chunks",   "short_conv",
      "expert_tiles"};
  static const std::set<std::string> types = {"q4_0", "q8_0", "q4_k", "q6_k", "f16"};
  const std::string kernel = pipeline["kernel"], variant = pipeline["variant"];
  for (const std::string& spilled : {spills_of(pipeline), scratch_of(pipeline)})
    if (!spilled.empty() && spilled != "0") return true;
  if (!kernels.contains(kernel) || (kernel == "matvec" && !pipeline["decode"].get<bool>())) return false;
  const bool weights = kernel.starts_with("mat");
  if (kernel == "matmul_coopmat_half") return variant == "q4_k" || variant == "f16";  // has many tiles
  return !weights || types.contains(variant.substr(variant.rfind('.') + 1));
}

constexpr const char* kColumns = "gpu,variant,constants,subgroup,registers,spills,scratch,shared,resident,problems";

std::string row_of(const std::string& gpu, const Json& p) {
  std::string constants, problems;
  for (const Json& value : p["constants"]) constants += (constants.empty() ? "" : " ") + value.dump();
  for (const Json& problem : p["problems"]) problems += (problems.empty() ? "" : "; ") + problem.get<std::string>();
  const std::string variant = p["variant"];
  return gpu + "," + p["kernel"].get<std::string>() + (variant.empty() ? "" : ".") + variant + "," + constants + "," +
         (p["subgroup_sizes"].empty() ? "" : p["subgroup_sizes"][0].dump()) + "," +
         statistic(p, {"VGPRs", "Number of GPRs", "Max live registers", "Registers used", "GPRs"}) + "," +
         spills_of(p) + "," + scratch_of(p) + "," + p["shared_bytes"].dump() + "," +
         statistic(p, {"Subgroups per SIMD", "Max warps/SM", "Max Waves Per Core", "Threads"}) + "," + problems;
}

struct Table {
  std::string driver;                                    // the first line, after "# "
  std::map<std::string, std::vector<std::string>> rows;  // by GPU
};

std::string path_of(const std::string& folder, const std::string& table) { return folder + "/" + table + ".csv"; }

Table read_table(const std::string& path) {
  Table table;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("# ", 0) == 0 && table.driver.empty()) table.driver = line.substr(2);
    if (line.rfind("# ", 0) == 0 || line == kColumns) continue;
    table.rows[line.substr(0, line.find(','))].push_back(line);
  }
  return table;
}

void add_rows(const NoopGpu& gpu, const CliResult& result, std::vector<std::string>& rows) {
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const Json report = Json::parse(result.out, nullptr, false);
  EXPECT_TRUE(report.is_array()) << result.err;
  if (!report.is_array()) return;
  for (const Json& pipeline : report) {
    EXPECT_FALSE(pipeline["statistics"].empty()) << "no statistics of " << pipeline["variant"];
    if (belongs(pipeline)) rows.push_back(row_of(gpu.name, pipeline));
  }
}

std::vector<std::string> rows_now(const NoopGpu& gpu, const std::vector<std::string>& environment) {
  constexpr int kNoSuchKernel = 3;
  std::vector<std::string> rows;
  add_rows(gpu, run_on(environment, {"matrix", "--json", "-q"}), rows);
  // Tuning alone takes it, and not on all devices.
  const CliResult half =
      run_on(environment, {"matrix", "--json", "-q", "--candidates", "--kernel", "matmul_coopmat_half"});
  if (half.exit_code != kNoSuchKernel) add_rows(gpu, half, rows);
  return rows;
}

class MatrixTables : public testing::TestWithParam<NoopGpu> {};

TEST_P(MatrixTables, SayWhatTheCompilersSay) {
  const NoopGpu& gpu = GetParam();
  const std::vector<std::string> environment = environment_of(gpu);
  if (cli_path().empty() || environment.empty()) GTEST_SKIP() << "no driver for " << gpu.name << " without the GPU";
  const std::string driver = driver_of(environment);
  if (driver.empty()) GTEST_SKIP() << gpu.name << ": the driver offers no device";
  const Table table = read_table(path_of(std::string(PUMICE_SOURCE_DIR) + "/tests/matrix", gpu.table));
  if (table.driver != driver) GTEST_SKIP() << "the table is of " << table.driver << ", here is " << driver;
  ASSERT_TRUE(table.rows.contains(gpu.name)) << "no rows; run scripts/matrix_tables.sh";
  const std::vector<std::string> now = rows_now(gpu, environment);
  const std::set<std::string> before(table.rows.at(gpu.name).begin(), table.rows.at(gpu.name).end());
  const std::set<std::string> after(now.begin(), now.end());
  for (const std::string& row : now) EXPECT_TRUE(before.contains(row)) << "new: " << row;
  for (const std::string& row : before) EXPECT_TRUE(after.contains(row)) << "gone: " << row;
  if (HasFailure()) ADD_FAILURE() << "if the change is meant, run scripts/matrix_tables.sh";
}

INSTANTIATE_TEST_SUITE_P(, MatrixTables, testing::ValuesIn(kNoopGpus),
                         [](const auto& each) { return std::string(each.param.name); });

// Not a test: what scripts/matrix_tables.sh runs. GPUs without a driver here keep no rows.
TEST(DISABLED_MatrixTables, Write) {
  std::map<std::string, Table> tables;
  for (const NoopGpu& gpu : kNoopGpus) {
    const std::vector<std::string> environment = environment_of(gpu);
    const std::string driver = environment.empty() ? std::string() : driver_of(environment);
    if (driver.empty()) continue;
    Table& table = tables[gpu.table];
    table.driver = driver;
    table.rows[gpu.name] = rows_now(gpu, environment);
    std::ofstream out(path_of(std::string(PUMICE_SOURCE_DIR) + "/tests/matrix", gpu.table));
    out << "# " << table.driver << "\n" << kColumns << "\n";
    for (const auto& [name, rows] : table.rows)
      for (const std::string& row : rows) out << row << "\n";
  }
}

// Whatever machine this is: the program's report has the promised fields, and strict is about its problems.
TEST(Matrix, ReportsOnTheDeviceHere) {
  if (cli_path().empty()) GTEST_SKIP() << "the pumice program was not built";
  const CliResult result = run_cli({"matrix", "--kernel", "rms_norm", "--json", "-q"});
  if (result.exit_code == 4) GTEST_SKIP() << "no usable Vulkan device";
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json report = Json::parse(result.out);
  ASSERT_FALSE(report.empty());
  bool problems = false;
  for (const Json& pipeline : report) {
    EXPECT_EQ(pipeline["kernel"], "rms_norm");
    for (const char* key : {"variant", "constants", "use", "workgroup", "shared_bytes", "push_bytes", "statistics"})
      EXPECT_TRUE(pipeline.contains(key)) << key;
    problems = problems || !pipeline["problems"].empty();
  }
  EXPECT_EQ(run_cli({"matrix", "--kernel", "rms_norm", "--strict", "-q"}).exit_code, problems ? 1 : 0);
  const CliResult csv = run_cli({"matrix", "--kernel", "rms_norm", "--csv", "-q"});
  EXPECT_EQ(static_cast<size_t>(std::count(csv.out.begin(), csv.out.end(), '\n')), report.size() + 1);
  EXPECT_EQ(run_cli({"matrix", "--kernel", "none"}).exit_code, 3);
}

}  // namespace pumice::test::matrix_test

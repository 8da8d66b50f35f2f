// `pumice bench`: the command line, and the way from measuring over the report to its rendering.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "bench/bench.h"
#include "bench/compare_command.h"
#include "bench/report/render.h"
#include "bench/system/host.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "common/system.h"

namespace pumice_bench {

namespace {

using pumice_cli::Failure;
using pumice_cli::Session;

const char* type_name(PumiceDeviceType type) {
  switch (type) {
    case PUMICE_DEVICE_INTEGRATED:
      return "integrated";
    case PUMICE_DEVICE_DISCRETE:
      return "discrete";
    case PUMICE_DEVICE_VIRTUAL:
      return "virtual";
    case PUMICE_DEVICE_CPU:
      return "cpu";
    case PUMICE_DEVICE_OTHER:
      break;
  }
  return "other";
}

DeviceFacts device_facts(const PumiceDeviceInfo& info) {
  return {.name = info.name,
          .driver = info.driver,
          .type = type_name(info.type),
          .vendor_id = info.vendor_id,
          .device_id = info.device_id,
          .subgroup_size = info.subgroup_size,
          .memory_bytes = info.memory_bytes};
}

ModelFacts model_facts(const Session& session) {
  const PumiceModelInfo info = session.model().info();
  return {.name = session.model_name(),
          .file = std::filesystem::path(session.path()).filename().string(),
          .architecture = info.architecture,
          .weights = info.weight_types,
          .parameters = info.parameters,
          .file_bytes = info.file_bytes,
          .layers = info.layers,
          .context_length = info.context_length};
}

Report describe(const BenchFlags& flags, const Session& session) {
  Report report;
  report.version = pumice_version();
  report.time = utc_now();
  report.host = read_host();
  report.device = device_facts(session.device().info());
  report.model = model_facts(session);
  report.settings = {.kv_type = flags.context.kv_name(),
                     .record = flags.context.record,
                     .repetitions = flags.repetitions,
                     .steps_ahead = flags.context.steps_ahead,
                     .prefill_slice = flags.context.prefill_slice};
  return report;
}

void write_file(const std::string& path, const std::string& text) {
  std::FILE* file = pumice_apps::open_file(path, "wb");
  const bool written = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const int reason = errno;
  if (file && std::fclose(file) == 0 && written) return;
  throw Failure(pumice_cli::kExitIo,
                fmt::format("cannot write {}: {}", pumice_cli::printable(path), std::strerror(reason)));
}

void write_report(const BenchFlags& flags, const Report& report) {
  if (!flags.html.empty()) write_file(flags.html, render_html(report));
  pumice_cli::write_stdout(flags.json       ? render_json(report)
                           : flags.csv      ? render_csv(report)
                           : flags.markdown ? render_markdown(report)
                                            : render_table(report));
}

// Verifies, measures; an interrupt ends it early with what there is.
Report run(const BenchFlags& flags, pumice_cli::Messages* messages) {
  const Session session(flags.device, messages, flags.model, flags.context);
  Report report = describe(flags, session);
  const DeviceFacts& device = report.device;
  PowerMeter meter({.vendor_id = device.vendor_id, .device_id = device.device_id, .cpu = device.type == "cpu"});
  report.power_source = meter.source();
  const Bench bench{.flags = flags,
                    .session = session,
                    .plan = plan_of(flags, report.model.context_length),
                    .meter = meter.source().empty() ? nullptr : &meter};
  try {
    if (flags.task != "generate") {
      measure_task(bench, &report);
      return report;
    }
    if (!flags.no_verify) report.verification = verify(bench);
    if (report.verification.state == Verified::kFailed) {
      report.status = Status::kWrong;
    } else {
      measure(bench, &report);
    }
  } catch (const Failure& failure) {
    if (failure.code() != pumice_cli::kExitInterrupted) throw;
    report.status = Status::kInterrupted;
  }
  return report;
}

int bench(BenchFlags& flags) {
  if (flags.task == "image" && flags.device.projector.empty())
    throw Failure(pumice_cli::kExitUsage, "--task image needs the model's projector: give --mmproj FILE");
  flags.device.no_autotune |= flags.task == "translate" || flags.task == "transcribe";  // decoders alone are tuned
  plan_of(flags, 0);  // a wrong command line is refused before anything is loaded
  pumice_cli::catch_interrupts();
  pumice_cli::Messages messages(flags.device);
  const Report report = run(flags, &messages);
  write_report(flags, report);
  if (report.status == Status::kInterrupted) return pumice_cli::kExitInterrupted;
  if (report.status == Status::kWrong) {
    pumice_cli::note(flags.task == "generate"
                         ? "the device computes wrong results, so nothing was measured (--no-verify measures "
                           "nevertheless)"
                         : "what was found is not what was computed; please report it with the output of --json");
    return pumice_cli::kExitWrongResults;
  }
  return messages.exit_code();  // after the session has ended: that may have its messages, too
}

void add_output_flags(CLI::App* command, BenchFlags* flags) {
  auto* json = command->add_flag("--json", flags->json, "the whole report as JSON (apps/bench/bench.schema.json)");
  auto* csv = command->add_flag("--csv", flags->csv, "one row a test")->excludes(json);
  command->add_flag("--markdown", flags->markdown, "tables for a web page")->excludes(json)->excludes(csv);
  command->add_option("--html", flags->html, "also write a page with charts to this file")->type_name("FILE");
}

void add_test_flags(CLI::App* command, BenchFlags* flags) {
  const auto list = [command](const char* name, std::string& value, const char* help) {
    return command->add_option(name, value, help)->type_name("N,...")->capture_default_str();
  };
  list("-p,--prefill", flags->prefill, "prompt tokens; 0: no prefill test");
  list("-n,--decode", flags->decode, "generated tokens; 0: no decode test");
  list("-d,--depth", flags->depth, "tokens before them");
  command->add_option("--batch", flags->batch, "also decode this many sequences at once, at most 32")
      ->type_name("N,...");
  command->add_flag("--full", flags->full,
                    "depths 0, 4096 and 16384 as far as the model goes, batches of 1 to 32, all parts");
  command
      ->add_option("--parts", flags->parts,
                   "what else: start (of the program, cold and warm), cache (KV cache off\n"
                   "against on), kernels (time of each, against the device's roofs), none")
      ->type_name("LIST")
      ->capture_default_str();
  command->add_option("-r,--repetitions", flags->repetitions, "measured runs of each test")
      ->check(CLI::Range(1u, 10000u).description(""))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--task", flags->task, "what is measured; other than generate: each input once anew, once again")
      ->check(CLI::IsMember({"generate", "embed", "translate", "transcribe", "image"}).description(""))
      ->type_name("generate|embed|translate|transcribe|image")
      ->capture_default_str();
  command->add_option("--mmproj", flags->device.projector, "the model's projector, of --task image")
      ->check(pumice_cli::not_empty())
      ->type_name("FILE");
  command->add_flag("--no-verify", flags->no_verify, "do not check results first; the report then says 'unverified'");
}

}  // namespace

}  // namespace pumice_bench

namespace pumice_cli {

void add_bench_command(CLI::App* app, Action* action) {
  using pumice_bench::BenchFlags;
  auto flags = std::make_shared<BenchFlags>();
  flags->context.cache.options.disable_reuse = 1;  // every run computes its whole prompt
  CLI::App* command = app->add_subcommand("bench", "measure tokens per second");
  command->footer(
      "\nResults are checked first: nothing is measured on a device that computes wrong ones (exit code 10).\n"
      "Each test runs once to warm up and then -r times; the median counts. Depth: tokens that are in the context\n"
      "already (not timed). -p, -n and -d take lists such as 128,512; every depth is measured with every length.\n"
      "--task embed, translate (-p words, -n tokens), transcribe (20 s) and image (448 x 448) make up their inputs.\n");
  add_model_flag(command, &flags->model);
  pumice_bench::add_test_flags(command, flags.get());
  pumice_bench::add_output_flags(command, flags.get());
  add_context_flags(command, &flags->context, false);
  add_device_flags(command, &flags->device);
  const CLI::App* compare = pumice_bench::add_compare_command(command, action);
  command->callback([=] {
    if (!compare->parsed()) *action = [flags] { return pumice_bench::bench(*flags); };
  });
}

}  // namespace pumice_cli

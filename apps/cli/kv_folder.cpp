// `pumice kv stats|list|verify|clear`: what lies in a cache folder.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "interrupt.h"
#include "kv.h"
#include "output.h"
#include "pumice/pumice_kv.h"
#include "session.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct FolderFlags {
  std::string folder, secret_file;
  bool json = false;
};

// An open cache folder; its failures become exceptions.
class Folder {
 public:
  explicit Folder(const std::string& path) {
    const PumiceResult code = pumice_kv_folder_open(instance_.get(), path.c_str(), &folder_);
    if (code == PUMICE_OK) return;
    char text[512];
    pumice_instance_error(instance_.get(), text, sizeof text);
    throw Failure(exit_code_of(code), printable(text));
  }
  ~Folder() { pumice_kv_folder_destroy(folder_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  PumiceKvFolder* get() const { return folder_; }
  void check(PumiceResult code) const {
    throw_if_interrupted();
    if (code == PUMICE_OK) return;
    char text[512];
    pumice_kv_folder_error(folder_, text, sizeof text);
    // A folder in use is nothing malformed.
    throw Failure(code == PUMICE_UNSUPPORTED ? kExitNotFound : exit_code_of(code), printable(text));
  }
  PumiceKvFolderStats stats() const {
    PumiceKvFolderStats stats = pumice_kv_folder_stats_init();
    check(pumice_kv_folder_get_stats(folder_, &stats));
    return stats;
  }

 private:
  pumice::Instance instance_;
  PumiceKvFolder* folder_ = nullptr;
};

std::uint64_t age_of(const PumiceKvRecord& record) {
  const auto now = static_cast<std::uint64_t>(std::time(nullptr));
  return now - std::min(now, record.written_at);
}

std::string format_age(std::uint64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

int show_stats(const FolderFlags& flags) {
  const Folder folder(flags.folder);
  const PumiceKvFolderStats stats = folder.stats();
  if (flags.json) {
    write_stdout(Json{{"files", stats.files},
                      {"bytes", stats.bytes},
                      {"records", stats.records},
                      {"value_bytes", stats.value_bytes},
                      {"tokens", stats.tokens},
                      {"erased_records", stats.erased_records},
                      {"damaged_records", stats.damaged_records},
                      {"damaged_places", stats.damaged_places}}
                     .dump() +
                 "\n");
    return kExitOk;
  }
  write_stdout(fmt::format("{} pages of {} tokens, {}, in {} files of {}\n", stats.records, stats.tokens,
                           format_bytes(stats.value_bytes), stats.files, format_bytes(stats.bytes)));
  if (stats.erased_records) write_stdout(fmt::format("{} erased\n", stats.erased_records));
  if (stats.damaged_records || stats.damaged_places)
    write_stdout(fmt::format("{} damaged or never finished, {} places that are no record; none of them is ever used\n",
                             stats.damaged_records, stats.damaged_places));
  return kExitOk;
}

int list(const FolderFlags& flags) {
  const Folder folder(flags.folder);
  const std::uint64_t records = folder.stats().records;
  Json json = Json::array();
  std::string text = fmt::format("{:<16}  {:<20} {:>6} {:>6} {:>10} {:>8} {:>5}\n", "key", "namespace", "epoch",
                                 "tokens", "size", "age", "uses");
  for (std::uint64_t i = 0; i < records; ++i) {
    PumiceKvRecord record = pumice_kv_record_init();
    folder.check(pumice_kv_folder_get_record(folder.get(), i, &record));
    if (flags.json) {
      json.push_back({{"key", record.key},
                      {"namespace", record.name_space},
                      {"epoch", record.epoch},
                      {"tokens", record.tokens},
                      {"bytes", record.bytes},
                      {"age_seconds", age_of(record)},
                      {"uses", record.uses},
                      {"compressed", record.compressed != 0},
                      {"encrypted", record.encrypted != 0}});
    } else {
      text +=
          fmt::format("{:<16.16}  {:<20} {:>6} {:>6} {:>10} {:>8} {:>5}\n", record.key, printable(record.name_space),
                      record.epoch, record.tokens, format_bytes(record.bytes), format_age(age_of(record)), record.uses);
    }
  }
  write_stdout(flags.json ? json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" : text);
  return kExitOk;
}

// The secret that was named, or the one that lies in the folder; false: there is none.
bool find_secret(const FolderFlags& flags, std::array<std::uint8_t, 32>* secret) {
  if (flags.secret_file.empty()) return read_secret(flags.folder + "/secret", false, secret);
  if (read_secret(flags.secret_file, false, secret)) return true;
  throw Failure(kExitNotFound,
                fmt::format("{} does not exist; name another file with --cache-secret", printable(flags.secret_file)));
}

int verify(const FolderFlags& flags) {
  catch_interrupts();
  const Folder folder(flags.folder);
  std::array<std::uint8_t, 32> secret;
  const bool full = find_secret(flags, &secret);
  PumiceKvVerification found = pumice_kv_verification_init();
  const auto progress = [](void*, float fraction) -> std::int32_t {
    show_progress(fmt::format("verifying: {:.0f} %", 100 * static_cast<double>(fraction)));
    return interrupted() ? 1 : 0;
  };
  const PumiceResult code =
      pumice_kv_folder_verify(folder.get(), full ? secret.data() : nullptr, progress, nullptr, &found);
  show_progress("");
  folder.check(code);
  const bool good = found.damaged_records + found.damaged_places + found.not_genuine == 0;
  if (flags.json) {
    write_stdout(Json{{"good", good},
                      {"with_secret", full},
                      {"records", found.records},
                      {"bytes", found.bytes},
                      {"damaged_records", found.damaged_records},
                      {"damaged_places", found.damaged_places},
                      {"not_genuine", found.not_genuine}}
                     .dump() +
                 "\n");
  } else {
    write_stdout(fmt::format("{} records, {}: {} damaged, {} places that are no record, {}\n", found.records,
                             format_bytes(found.bytes), found.damaged_records, found.damaged_places,
                             full ? fmt::format("{} not genuine", found.not_genuine)
                                  : "not checked for intent (no secret; name it with --cache-secret)"));
  }
  if (good) return kExitOk;
  note(
      fmt::format("{}: what is damaged is never used and goes when its file grows old; 'pumice kv clear --dir {}' "
                  "removes all of it now",
                  printable(flags.folder), printable(flags.folder)));
  return kExitBadModel;
}

int clear(const FolderFlags& flags) {
  const Folder folder(flags.folder);
  const PumiceKvFolderStats stats = folder.stats();
  folder.check(pumice_kv_folder_clear(folder.get()));
  if (flags.json) {
    write_stdout(Json{{"records", stats.records}, {"bytes", stats.bytes}}.dump() + "\n");
  } else {
    note(fmt::format("removed {} pages, {}", stats.records, format_bytes(stats.bytes)));
  }
  return kExitOk;
}

using Run = int (*)(const FolderFlags&);

CLI::App* add_command(CLI::App* group, Action* action, const char* name, const char* description, Run run) {
  auto flags = std::make_shared<FolderFlags>();
  CLI::App* command = group->add_subcommand(name, description);
  command->add_option("--dir", flags->folder, "a folder that --cache-dir filled")->type_name("DIR")->required();
  command->add_flag("--json", flags->json, "as JSON");
  if (run == verify)
    command->add_option("--cache-secret", flags->secret_file, "32 bytes (default: DIR/secret, if it is there)")
        ->type_name("FILE");
  command->callback([=] { *action = [=] { return run(*flags); }; });
  return command;
}

}  // namespace

void add_kv_folder_commands(CLI::App* group, Action* action) {
  add_command(group, action, "stats", "what a cache folder holds", show_stats);
  add_command(group, action, "list", "list the pages of a cache folder, the oldest first", list);
  add_command(group, action, "verify", "read all of a cache folder and check it", verify)
      ->footer(
          "\nWithout the secret only accidental damage is found. Exit codes: 0 all is well; 3 no such folder, or it "
          "cannot\nbe read; 6 something is damaged or not genuine (it is never used, so nothing has to be done).\n");
  add_command(group, action, "clear", "remove all pages from a cache folder that no program uses", clear)
      ->footer("\nOther files stay, the secret too. Exit codes: 0 done; 3 no such folder, or a program uses it.\n");
}

}  // namespace pumice_cli

// `pumice kv`: the KV cache, its files and its behaviour on recorded requests.
#include "kv.h"

#include "commands.h"

namespace pumice_cli {

void add_kv_command(CLI::App* app, Action* action) {
  CLI::App* group =
      app->add_subcommand("kv", "look into the KV cache: recorded requests, cache folders (needs no GPU)");
  group->require_subcommand(1);
  add_kv_replay_command(group, action);
  add_kv_policy_command(group, action);
  add_kv_waste_command(group, action);
  add_kv_folder_commands(group, action);
}

}  // namespace pumice_cli

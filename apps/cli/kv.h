// The commands below `pumice kv`: each function adds one to the group.
#pragma once

#include "session.h"

namespace pumice_cli {

void add_kv_replay_command(CLI::App* group, Action* action);
void add_kv_policy_command(CLI::App* group, Action* action);
void add_kv_waste_command(CLI::App* group, Action* action);
void add_kv_folder_commands(CLI::App* group, Action* action);  // stats, list, verify, clear

}  // namespace pumice_cli

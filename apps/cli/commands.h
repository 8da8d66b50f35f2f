// The commands: each function adds one to the program; parsing it sets *action.
#pragma once

#include "session.h"

namespace pumice_cli {

void add_run_command(CLI::App* app, Action* action);
void add_tokenize_command(CLI::App* app, Action* action);
void add_top_command(CLI::App* app, Action* action);
void add_perplexity_command(CLI::App* app, Action* action);
void add_bench_command(CLI::App* app, Action* action);
void add_devices_command(CLI::App* app, Action* action);
void add_inspect_command(CLI::App* app, Action* action);
void add_matrix_command(CLI::App* app, Action* action);
void add_kv_command(CLI::App* app, Action* action);
void add_embed_command(CLI::App* app, Action* action);
void add_rank_command(CLI::App* app, Action* action);
void add_translate_command(CLI::App* app, Action* action);
void add_transcribe_command(CLI::App* app, Action* action);
void add_render_command(CLI::App* app, Action* action);
void add_convert_command(CLI::App* app, Action* action);
void add_pull_command(CLI::App* app, Action* action);
void add_chat_command(CLI::App* app, Action* action);
void add_serve_command(CLI::App* app, Action* action);
void add_models_command(CLI::App* app, Action* action);

}  // namespace pumice_cli

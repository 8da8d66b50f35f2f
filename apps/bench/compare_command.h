// `pumice bench compare`.
#pragma once

#include "cli/session.h"

namespace pumice_bench {

// Adds it to `pumice bench`; parsing it sets *action.
CLI::App* add_compare_command(CLI::App* bench, pumice_cli::Action* action);

}  // namespace pumice_bench

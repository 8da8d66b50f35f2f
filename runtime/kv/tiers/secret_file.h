// The secret of a deployment in a file of its own.
#pragma once

#include <string>

#include "kv/index/page_key.h"

namespace pumice {

// The 32 bytes in the file. make: where there is none, one with random bytes is made, which only its owner may read; of
// several programs that do so at once one is first, and all return its secret. Status::kNotFound: there is none;
// kMalformed: not 32 bytes.
Result<Secret> secret_of_file(const std::string& path, bool make);

}  // namespace pumice

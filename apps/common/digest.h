// Thread rule: any thread.
#pragma once

#include <string>
#include <string_view>

namespace pumice_apps {

// BLAKE2b of the bytes, as 64 hexadecimal digits. Nobody finds others with the same one.
std::string digest_of(std::string_view bytes);

}  // namespace pumice_apps

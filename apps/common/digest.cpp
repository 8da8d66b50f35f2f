#include "common/digest.h"

#include <sodium.h>

namespace pumice_apps {

std::string digest_of(std::string_view bytes) {
  unsigned char digest[crypto_generichash_BYTES];
  if (sodium_init() < 0) return {};
  crypto_generichash(digest, sizeof digest, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), nullptr,
                     0);
  std::string hex(2 * sizeof digest + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), digest, sizeof digest);
  hex.pop_back();
  return hex;
}

}  // namespace pumice_apps

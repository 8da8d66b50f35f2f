#include "kv/tiers/secret_file.h"

#include "base/file.h"

namespace pumice {
namespace {

Result<Secret> read_secret(const std::string& path) {
  PUMICE_ASSIGN(const File file, File::open(path, FileAccess::kRead));
  PUMICE_ASSIGN(const uint64_t size, file.size());
  Secret secret;
  if (size != secret.size())
    return error(Status::kMalformed, "%s is no secret of %zu bytes; remove it to have a new one made", path.c_str(),
                 secret.size());
  PUMICE_TRY(file.read_at(0, secret));
  return secret;
}

}  // namespace

Result<Secret> secret_of_file(const std::string& path, bool make) {
  Result<Secret> found = read_secret(path);
  if (found || !make || found.error().status != Status::kNotFound) return found;
  PUMICE_ASSIGN(const Secret secret, random_secret());
  PUMICE_ASSIGN(NewFile file, NewFile::create(path));
  PUMICE_TRY(file.write(secret));
  PUMICE_ASSIGN(const bool first, file.commit_if_free());
  if (first) return secret;
  return read_secret(path);
}

}  // namespace pumice

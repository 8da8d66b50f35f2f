// Repositories of Hugging Face: which files they have, which of them a name means, and where they lie here.
//
// What a server says is checked before it becomes a path. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pumice_apps {

struct RepositoryFile {
  std::string path;  // in the repository
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct Repository {
  std::string commit;
  std::vector<RepositoryFile> files;  // GGUF files with a SHA-256
};

struct RepositoryName {
  std::string owner, name, quantisation;  // the last may be empty
  std::string id() const { return owner + "/" + name; }
};
// "OWNER/NAME" or "OWNER/NAME:Q4_K_M".
std::optional<RepositoryName> repository_name(const std::string& said);

// Of what /api/models/ID/revision/main?blobs=true answers.
std::optional<Repository> parse_repository(const std::string& json);

// A model of a repository: one file, or all parts of one.
struct RepositoryModel {
  std::string name;  // its weight type, or its file's name
  std::vector<RepositoryFile> files;
  std::uint64_t bytes() const;
};
// Without projectors.
std::vector<RepositoryModel> models_of(const Repository& repository);
// The one that is meant; without a word for it the first that there is of the usual types, Q4_K_M before all. Nullptr:
// there is none.
const RepositoryModel* choose(const std::vector<RepositoryModel>& models, const std::string& quantisation);
// What the repository's models see pictures with, of several types that of the usual one. Nullptr: there is none.
const RepositoryFile* projector_of(const Repository& repository);

}  // namespace pumice_apps

// A GGUF file whose tensors' data may be touched: in memory, until the process ends. Of one that Gguf::open() opened
// that data is read by fetch() alone.
#pragma once

#include <list>
#include <string>
#include <vector>

#include "base/file.h"
#include "format/gguf.h"

namespace pumice::test {

// Thread rule: one thread at a time.
inline Result<Gguf> whole_gguf(const std::string& path) {
  static std::list<std::vector<std::byte>> kept;
  PUMICE_ASSIGN(const File file, File::open(path, FileAccess::kRead));
  PUMICE_ASSIGN(const uint64_t size, file.size());
  std::vector<std::byte>& bytes = kept.emplace_back(static_cast<size_t>(size));
  PUMICE_TRY(file.read_at(0, bytes));
  return Gguf::from_memory(bytes);
}

}  // namespace pumice::test

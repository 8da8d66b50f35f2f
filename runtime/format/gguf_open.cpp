// Opening: whole files and split models. Names of parts as llama.cpp's gguf-split writes them.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>

#include "base/printable.h"
#include "format/gguf.h"
#include "format/gguf_reader.h"
#include "format/whisper_gguf.h"

namespace pumice {
namespace {

struct SplitInfo {
  uint64_t number = 0;  // of this part, from 0
  uint64_t count = 1;   // of parts
};

Result<SplitInfo> split_info(const GgufPart& part) {
  SplitInfo info;
  const GgufValue* count = part.find("split.count");
  if (!count) return info;
  const GgufValue* number = part.find("split.no");
  info.count = std::max<uint64_t>(count->as_u64().value_or(UINT64_MAX), 1);
  if (info.count > 1) info.number = number ? number->as_u64().value_or(UINT64_MAX) : UINT64_MAX;
  if (info.count > UINT16_MAX || info.number >= info.count)
    return error(Status::kMalformed, "split.no %s and split.count %s do not name a part of a split model",
                 number ? render(*number).c_str() : "(absent)", render(*count).c_str());
  return info;
}

// "-00002-of-00003.gguf" for part 1 of 3.
std::string part_suffix(const SplitInfo& info) {
  char text[64];
  std::snprintf(text, sizeof(text), "-%05llu-of-%05llu.gguf", static_cast<unsigned long long>(info.number + 1),
                static_cast<unsigned long long>(info.count));
  return text;
}

Error in_file(const std::string& path, Error reason) {
  reason.message = printable(path) + ": " + reason.message;
  return reason;
}

Result<GgufPart> read_part(std::span<const std::byte> file) {
  return is_whisper_file(file) ? read_whisper_part(file) : read_gguf_part(file);
}

Result<GgufPart> read_mapped(MappedFile file, std::vector<MappedFile>& files) {
  // Parsed from a copy, so that no change of the file meanwhile does harm; what is not metadata goes back after it.
  // 32 MiB are some times the metadata of a model with 260,000 tokens; 256 MiB bound what a hostile file can ask for.
  constexpr size_t kLikelyMetadata = size_t{32} << 20, kMostMetadata = size_t{256} << 20;
  PUMICE_TRY(file.hold(kLikelyMetadata));
  const bool whisper = is_whisper_file(file.bytes());
  if (whisper) PUMICE_TRY(file.hold(file.bytes().size()));  // what is read stands all over it
  Result<GgufPart> part = whisper ? read_whisper_part(file.bytes()) : read_gguf_part(file.bytes(), kLikelyMetadata);
  if (!part && !whisper && file.bytes().size() > kLikelyMetadata) {
    PUMICE_TRY(file.hold(kMostMetadata));
    part = read_gguf_part(file.bytes(), kMostMetadata);
  }
  if (!part) return std::move(part).error();
  size_t metadata = std::min(file.bytes().size(), kMostMetadata);
  for (const GgufTensor& tensor : part->tensors)
    metadata = std::min(metadata, static_cast<size_t>(tensor.data.data() - file.bytes().data()));
  PUMICE_TRY(file.hold(metadata));
  files.push_back(std::move(file));
  return part;
}

Result<GgufPart> read_file(const std::string& path, std::vector<MappedFile>& files) {
  PUMICE_ASSIGN(MappedFile file, MappedFile::open(path));
  Result<GgufPart> part = read_mapped(std::move(file), files);
  if (!part) return in_file(path, std::move(part).error());
  return part;
}

}  // namespace

// Joins checked parts into one Gguf.
class GgufBuilder {
 public:
  static Result<Gguf> build(std::vector<GgufPart> parts, uint64_t file_bytes, std::vector<MappedFile> files);

 private:
  static Result<void> check_split(std::span<const GgufPart> parts);
};

Result<void> GgufBuilder::check_split(std::span<const GgufPart> parts) {
  uint64_t tensors = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    PUMICE_ASSIGN(const SplitInfo info, split_info(parts[i]));
    if (info.count != parts.size() && parts.size() == 1)
      return error(Status::kInvalidArgument, "this is part %llu of a model split into %llu; give all parts, in order",
                   static_cast<unsigned long long>(info.number + 1), static_cast<unsigned long long>(info.count));
    if (info.count != parts.size() || info.number != i)
      return error(Status::kMalformed,
                   "file %zu of %zu says that it is part %llu of %llu: the parts do not belong together", i + 1,
                   parts.size(), static_cast<unsigned long long>(info.number + 1),
                   static_cast<unsigned long long>(info.count));
    tensors += parts[i].tensors.size();
  }
  const GgufValue* total = parts[0].find("split.tensors.count");
  if (parts.size() > 1 && total && total->as_u64() != tensors)
    return error(Status::kMalformed, "split.tensors.count is %s, but the parts hold %llu tensors; get the parts again",
                 render(*total).c_str(), static_cast<unsigned long long>(tensors));
  return {};
}

Result<Gguf> GgufBuilder::build(std::vector<GgufPart> parts, uint64_t file_bytes, std::vector<MappedFile> files) {
  PUMICE_TRY(check_split(parts));
  Gguf gguf;
  gguf.version_ = parts[0].version;
  gguf.part_count_ = static_cast<uint32_t>(parts.size());
  gguf.file_bytes_ = file_bytes;
  gguf.files_ = std::move(files);
  gguf.entries_ = std::move(parts[0].entries);
  gguf.entries_by_key_ = std::move(parts[0].entries_by_key);
  gguf.tensors_ = std::move(parts[0].tensors);
  gguf.made_ = std::move(parts[0].made);
  for (size_t i = 1; i < parts.size(); ++i)
    gguf.tensors_.insert(gguf.tensors_.end(), parts[i].tensors.begin(), parts[i].tensors.end());
  if (gguf.tensors_.size() > UINT32_MAX) return error(Status::kMalformed, "the model has too many tensors");
  std::vector<std::string_view> names;
  names.reserve(gguf.tensors_.size());
  for (const GgufTensor& tensor : gguf.tensors_) names.push_back(tensor.name);
  size_t twin = SIZE_MAX;
  gguf.tensors_by_name_ = sorted_index(names, &twin);
  if (twin != SIZE_MAX) return error(Status::kMalformed, "tensor %s occurs twice", quote(names[twin]).c_str());
  return gguf;
}

Result<Gguf> Gguf::open(const std::string& path) {
  std::vector<MappedFile> files;
  std::vector<GgufPart> parts;
  PUMICE_ASSIGN(GgufPart opened, read_file(path, files));
  Result<SplitInfo> split = split_info(opened);
  if (!split) return in_file(path, std::move(split).error());
  if (split->count == 1) {
    parts.push_back(std::move(opened));
  } else {
    const std::string suffix = part_suffix(*split);
    if (!path.ends_with(suffix))
      return in_file(path, error(Status::kNotFound,
                                 "this is part %llu of a split model, but its name does not end in %s, by which the "
                                 "other parts are found; rename it",
                                 static_cast<unsigned long long>(split->number + 1), suffix.c_str()));
    const std::string prefix = path.substr(0, path.size() - suffix.size());
    files.clear();
    for (uint64_t i = 0; i < split->count; ++i) {
      Result<GgufPart> part = read_file(prefix + part_suffix({.number = i, .count = split->count}), files);
      if (!part && part.error().status == Status::kNotFound)
        return error(Status::kNotFound, "%s; it is part %llu of %llu of a split model: put all of them into one folder",
                     part.error().message.c_str(), static_cast<unsigned long long>(i + 1),
                     static_cast<unsigned long long>(split->count));
      if (!part) return std::move(part).error();
      parts.push_back(std::move(part).value());
    }
  }
  uint64_t bytes = 0;
  for (const MappedFile& file : files) bytes += file.bytes().size();
  Result<Gguf> gguf = GgufBuilder::build(std::move(parts), bytes, std::move(files));
  if (!gguf) return in_file(path, std::move(gguf).error());
  return gguf;
}

Result<Gguf> Gguf::open(std::vector<FileSource> sources) {
  if (sources.empty()) return error(Status::kInvalidArgument, "no GGUF file was given");
  std::vector<MappedFile> files;
  std::vector<GgufPart> parts;
  uint64_t bytes = 0;
  for (FileSource& source : sources) {
    bytes += source.size;
    PUMICE_ASSIGN(MappedFile file, MappedFile::open(std::move(source)));
    PUMICE_ASSIGN(GgufPart part, read_mapped(std::move(file), files));
    parts.push_back(std::move(part));
  }
  return GgufBuilder::build(std::move(parts), bytes, std::move(files));
}

const MappedFile* Gguf::file_of(std::span<const std::byte> data) const {
  const std::less_equal<const std::byte*> not_after;
  for (const MappedFile& file : files_)
    if (not_after(file.bytes().data(), data.data()) &&
        not_after(data.data() + data.size(), file.bytes().data() + file.bytes().size()))
      return &file;
  return nullptr;
}

Result<std::span<const std::byte>> Gguf::fetch(std::span<const std::byte> data, std::span<std::byte> scratch) const {
  const MappedFile* file = file_of(data);
  if (!file) return data;
  PUMICE_CHECK(scratch.size() >= data.size());
  scratch = scratch.first(data.size());
  PUMICE_TRY(file->read(static_cast<size_t>(data.data() - file->bytes().data()), scratch));
  return std::span<const std::byte>(scratch);
}

void Gguf::will_fetch(std::span<const std::byte> data) const {
  if (const MappedFile* file = file_of(data))
    file->will_need(static_cast<size_t>(data.data() - file->bytes().data()), data.size());
}

Result<Gguf> Gguf::from_memory(std::span<const std::byte> file) { return from_parts({&file, 1}); }

Result<Gguf> Gguf::from_parts(std::span<const std::span<const std::byte>> files) {
  if (files.empty()) return error(Status::kInvalidArgument, "no GGUF file was given");
  std::vector<GgufPart> parts;
  uint64_t bytes = 0;
  for (const std::span<const std::byte>& file : files) {
    PUMICE_ASSIGN(GgufPart part, read_part(file));
    parts.push_back(std::move(part));
    bytes += file.size();
  }
  return GgufBuilder::build(std::move(parts), bytes, {});
}

}  // namespace pumice

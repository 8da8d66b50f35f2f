#include "convert/input.h"

#include <algorithm>

namespace pumice {
namespace {

constexpr uint64_t kReadAhead = 64 << 10;

}  // namespace

Result<std::shared_ptr<const Input>> Input::open(const std::string& path) {
  auto input = std::make_shared<Input>();
  PUMICE_ASSIGN(input->file_, File::open(path, FileAccess::kRead));
  PUMICE_ASSIGN(input->size_, input->file_.size());
  return std::shared_ptr<const Input>(std::move(input));
}

std::shared_ptr<const Input> Input::of_memory(std::span<const std::byte> bytes) {
  auto input = std::make_shared<Input>();
  input->memory_ = bytes;
  input->size_ = bytes.size();
  return input;
}

Result<void> Input::read(uint64_t offset, std::span<std::byte> to) const {
  if (offset > size_ || to.size() > size_ - offset)
    return error(Status::kMalformed, "the file is cut short or damaged: it ends before what it should hold");
  if (file_.is_open()) return file_.read_at(offset, to);
  if (!to.empty()) std::memcpy(to.data(), memory_.data() + offset, to.size());
  return {};
}

Result<std::string> read_text_file(const std::string& path, uint64_t most) {
  PUMICE_ASSIGN(const std::shared_ptr<const Input> input, Input::open(path));
  if (input->size() > most)
    return error(Status::kMalformed, "%s has %llu bytes, more than such a file needs", path.c_str(),
                 static_cast<unsigned long long>(input->size()));
  std::string text(static_cast<size_t>(input->size()), '\0');
  PUMICE_TRY(input->read(0, std::as_writable_bytes(std::span(text))));
  return text;
}

Result<void> InputReader::take(std::span<std::byte> to) {
  if (to.size() > remaining())
    return error(Status::kMalformed, "the file is cut short or damaged: it ends at %llu, inside a number or name",
                 static_cast<unsigned long long>(input_->size()));
  if (position_ < buffer_at_ || position_ + to.size() > buffer_at_ + buffer_.size()) {
    buffer_.resize(static_cast<size_t>(std::min(std::max<uint64_t>(kReadAhead, to.size()), remaining())));
    buffer_at_ = position_;
    PUMICE_TRY(input_->read(buffer_at_, buffer_));
  }
  if (!to.empty()) std::memcpy(to.data(), buffer_.data() + (position_ - buffer_at_), to.size());
  position_ += to.size();
  return {};
}

Result<void> InputReader::skip(uint64_t bytes) {
  if (bytes > remaining())
    return error(Status::kMalformed, "the file is cut short or damaged: it ends at %llu, inside a tensor",
                 static_cast<unsigned long long>(input_->size()));
  position_ += bytes;
  return {};
}

}  // namespace pumice

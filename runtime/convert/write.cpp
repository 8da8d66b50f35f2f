#include "convert/write.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "base/thread_team.h"
#include "format/dequantize.h"
#include "format/quantize.h"

namespace pumice {
namespace {

constexpr uint32_t kGgufMagic = 0x46554747, kGgufVersion = 3;
constexpr uint64_t kPiece = 1 << 18;  // values that one thread converts at once: whole blocks of every type
constexpr unsigned kMostThreads = 16;

template <typename T>
float number_at(std::span<const std::byte> bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return static_cast<float>(value);
}

// `first` is the number of the first value in its tensor, whose rows have `row` values.
void decode_values(const TensorSource& source, uint64_t first, uint64_t row, std::span<const std::byte> bytes,
                   std::span<float> values) {
  if (source.divisors.empty()) return dequantize_blocks(source.type, bytes, values);
  const bool narrow = source.type == TensorType::kI8;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t index = source.divisors.size() > 1 ? static_cast<size_t>((first + i) / row) : 0;
    values[i] = (narrow ? number_at<int8_t>(bytes, i) : number_at<int16_t>(bytes, i)) / source.divisors[index];
  }
}

// One tensor's pieces, converted by several threads and written in order.
class TensorRun {
 public:
  TensorRun(const PlannedTensor& tensor, unsigned threads) : tensor_(tensor), values_(tensor.values()) {
    pieces_.resize(threads);
  }

  Result<void> write(NewFile& file, const std::function<Result<void>(uint64_t)>& written) {
    for (uint64_t first = 0; first < values_; first += kPiece * pieces_.size()) {
      const uint64_t end = std::min(values_, first + kPiece * pieces_.size());
      const size_t count = static_cast<size_t>((end - first + kPiece - 1) / kPiece);
      PUMICE_TRY(convert_all(first, count));
      for (size_t i = 0; i < count; ++i) {
        PUMICE_TRY(file.write(pieces_[i].out));
        PUMICE_TRY(written(pieces_[i].out.size()));
      }
    }
    return {};
  }

 private:
  struct Piece {
    std::vector<std::byte> in, out;
    std::vector<float> values;
  };

  Result<void> convert_all(uint64_t first, size_t count) {
    std::atomic<size_t> next{0};
    std::mutex mutex;
    std::optional<Error> failed;
    const auto work = [&] {
      for (size_t i = next++; i < count; i = next++)
        if (Result<void> done = convert(first + i * kPiece, pieces_[i]); !done) {
          const std::lock_guard lock(mutex);
          if (!failed) failed = std::move(done).error();
        }
    };
    ThreadTeam team;
    if (count > 1) team.start(count - 1, work);
    work();
    team.join();
    if (failed) return *failed;
    return {};
  }

  Result<void> convert(uint64_t first, Piece& piece) const {
    const uint64_t count = std::min(kPiece, values_ - first);
    const TensorSource& source = tensor_.source;
    const auto bytes_of = [](uint64_t values, TensorType type) {
      return static_cast<size_t>(values / listed_type(type).block_values * listed_type(type).block_bytes);
    };
    const bool same = source.type == tensor_.type && !source.adjust;
    std::vector<std::byte>& in = same ? piece.out : piece.in;
    in.resize(bytes_of(count, source.type));
    PUMICE_TRY(source.read(bytes_of(first, source.type), in));
    if (same) return {};
    piece.values.resize(static_cast<size_t>(count));
    decode_values(source, first, tensor_.sizes[0], in, piece.values);
    if (source.adjust) source.adjust(first, piece.values);
    piece.out.resize(bytes_of(count, tensor_.type));
    quantize_blocks(tensor_.type, piece.values, piece.out);
    return {};
  }

  const PlannedTensor& tensor_;
  const uint64_t values_;
  std::vector<Piece> pieces_;
};

uint64_t padding(uint64_t at, uint64_t alignment) { return (alignment - at % alignment) % alignment; }

std::vector<std::byte> gguf_head(const ConvertPlan& plan) {
  ByteString head;
  head.put(kGgufMagic);
  head.put(kGgufVersion);
  head.put<uint64_t>(plan.tensors.size());
  head.put(plan.metadata.count());
  head.append(plan.metadata.bytes());
  uint64_t offset = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    head.gguf_string(tensor.name);
    head.put(static_cast<uint32_t>(tensor.sizes.size()));
    for (const uint64_t size : tensor.sizes) head.put(size);
    head.put(tensor.type);
    head.put(offset);
    offset += tensor.bytes() + padding(tensor.bytes(), plan.alignment);
  }
  head.bytes.resize(head.bytes.size() + padding(head.bytes.size(), plan.alignment));
  return std::move(head.bytes);
}

std::vector<std::byte> whisper_tensor_head(const PlannedTensor& tensor) {
  ByteString head;
  head.put(static_cast<uint32_t>(tensor.sizes.size()));
  head.put(static_cast<uint32_t>(tensor.name.size()));
  head.put(tensor.type);
  for (const uint64_t size : tensor.sizes) head.put(static_cast<uint32_t>(size));
  head.append(tensor.name);
  return std::move(head.bytes);
}

}  // namespace

Result<uint64_t> write_model(const ConvertPlan& plan, const std::string& path, const ConvertProgress& progress) {
  const bool whisper = !plan.whisper_head.empty();
  uint64_t total = 0, done = 0, size = 0;
  for (const PlannedTensor& tensor : plan.tensors) total += tensor.bytes();
  const auto tell = [&](uint64_t bytes) -> Result<void> {
    done += bytes;
    const double fraction = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1.0;
    if (progress.tell && !progress.tell(static_cast<float>(fraction))) return error(Status::kCancelled, "cancelled");
    return {};
  };
  PUMICE_ASSIGN(NewFile file, NewFile::create(path, FileReaders::kUsual));
  const auto put = [&](std::span<const std::byte> bytes) -> Result<void> {
    size += bytes.size();
    return file.write(bytes);
  };
  PUMICE_TRY(tell(0));
  PUMICE_TRY(put(whisper ? plan.whisper_head : gguf_head(plan)));
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads);
  for (const PlannedTensor& tensor : plan.tensors) {
    if (whisper) PUMICE_TRY(put(whisper_tensor_head(tensor)));
    PUMICE_TRY(TensorRun(tensor, threads).write(file, tell));
    size += tensor.bytes();
    if (!whisper) PUMICE_TRY(put(std::vector<std::byte>(padding(tensor.bytes(), plan.alignment))));
  }
  PUMICE_TRY(file.commit());
  return size;
}

}  // namespace pumice

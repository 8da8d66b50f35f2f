#include "engine/session_format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/integers.h"
#include "format/half.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

constexpr uint64_t kMostText = 1 << 16;
constexpr uint64_t kMostDropped = uint64_t{1} << 48;  // beyond any session that was ever run
constexpr size_t kBlock = 32;                         // values of a scale
constexpr size_t kBlockBytes = kBlock + 2;
constexpr uint64_t kSumBytes = sizeof(PageKey::bytes);
constexpr uint32_t kMostPictureSide = 1 << 16;

struct PictureHeader {  // in a file, before its pixels
  uint32_t first = 0, width = 0, height = 0;
};
static_assert(sizeof(PictureHeader) == 12, "no padding that would be written");

std::span<const std::byte> bytes_of(const auto& value) { return std::as_bytes(std::span(&value, 1)); }

float value_at(std::span<const std::byte> page, size_t index, uint32_t value_bytes) {
  if (value_bytes == 4) {
    float value;
    std::memcpy(&value, page.data() + 4 * index, 4);
    return value;
  }
  uint16_t half;
  std::memcpy(&half, page.data() + 2 * index, 2);
  return half_to_float(half);
}

// Values of a page in the order in which they lie, 32 a block: f16 scale, then signed bytes.
std::vector<std::byte> quantise(std::span<const std::byte> page, uint32_t value_bytes) {
  const size_t values = page.size() / value_bytes;
  std::vector<std::byte> out;
  out.reserve(values / kBlock * kBlockBytes);
  for (size_t first = 0; first < values; first += kBlock) {
    float highest = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      const float value = value_at(page, first + i, value_bytes);
      if (std::isfinite(value)) highest = std::max(highest, std::fabs(value));
    }
    const uint16_t scale = float_to_half(std::min(highest / 127, 65504.0f));
    const float step = half_to_float(scale);
    const auto half = bytes_of(scale);
    out.insert(out.end(), half.begin(), half.end());
    for (size_t i = 0; i < kBlock; ++i) {
      const float value = value_at(page, first + i, value_bytes);
      const float quant = step > 0 && std::isfinite(value) ? std::round(value / step) : 0;
      out.push_back(static_cast<std::byte>(static_cast<int8_t>(std::clamp(quant, -127.0f, 127.0f))));
    }
  }
  return out;
}

std::vector<std::byte> dequantise(std::span<const std::byte> stored, uint32_t value_bytes) {
  std::vector<std::byte> page;
  page.reserve(stored.size() / kBlockBytes * kBlock * value_bytes);
  for (size_t at = 0; at < stored.size(); at += kBlockBytes) {
    uint16_t half;
    std::memcpy(&half, stored.data() + at, 2);
    const float scale = half_to_float(half);
    for (size_t i = 0; i < kBlock; ++i) {
      const float value = scale * static_cast<float>(static_cast<int8_t>(stored[at + 2 + i]));
      const uint16_t short_value = float_to_half(value);
      const auto bytes = value_bytes == 4 ? bytes_of(value) : bytes_of(short_value);
      page.insert(page.end(), bytes.begin(), bytes.end());
    }
  }
  return page;
}

Error malformed(const char* what) {
  return error(Status::kMalformed, "the session is damaged or not one of this program (%s); start a new one", what);
}

bool encoding_fits(const SessionHeader& header) {
  switch (header.kv) {
    case SessionKv::kExact:
      return header.value_bytes == 1 || header.value_bytes == 2 || header.value_bytes == 4;
    case SessionKv::kQ8:
      return (header.value_bytes == 2 || header.value_bytes == 4) &&
             header.page_bytes % (kBlock * header.value_bytes) == 0;
    case SessionKv::kTokens:
      return header.computed == 0;
  }
  return false;
}

// Everything that the header says, against itself and the size of what it is the header of. Returns the bytes of its
// pictures.
Result<uint64_t> check_header(const SessionHeader& header, uint64_t size) {
  if (header.magic != SessionHeader::kMagic) return malformed("it begins otherwise");
  const bool pictures = header.version == SessionHeader::kWithPictures;
  if (header.version != SessionHeader::kVersion && !pictures)
    return error(Status::kUnsupported, "the session has version %u, this program reads %u and %u; start a new one",
                 header.version, SessionHeader::kVersion, SessionHeader::kWithPictures);
  if (!encoding_fits(header)) return malformed("its encoding is unknown");
  if (header.computed > header.tokens || header.pages != session_pages(header.computed) ||
      header.dropped > kMostDropped)
    return malformed("its counts do not fit");
  // Each factor below is bounded, so that no sum overflows.
  if (header.digest_bytes > kMostText || header.identity_bytes > kMostText || header.page_bytes > UINT32_MAX ||
      (header.kv != SessionKv::kTokens &&
       header.stored_bytes != stored_page_bytes(header.kv, header.page_bytes, header.value_bytes)) ||
      header.stored_bytes > UINT32_MAX || header.bytes_beside > UINT32_MAX)
    return malformed("its lengths do not fit");
  const uint64_t all = sizeof(SessionHeader) + header.digest_bytes + header.identity_bytes +
                       uint64_t{4} * header.tokens + header.pages * header.stored_bytes + header.bytes_beside +
                       kSumBytes;
  if (pictures ? all >= size : all != size) return malformed("its length is wrong");
  return size - all;
}

// Reads the parts of a session one after another, and sums them up as they were written.
class Parts {
 public:
  explicit Parts(const SessionSource& source) : source_(source) {}
  Result<void> next(std::span<std::byte> part) {
    PUMICE_TRY(source_.read(at_, part));
    at_ += part.size();
    hasher_.field("part", part);
    return {};
  }
  Result<std::string> next_text(uint32_t size) {
    std::string text(size, '\0');
    PUMICE_TRY(next(std::as_writable_bytes(std::span(text))));
    return text;
  }
  Result<void> check_sum() {
    PageKey stored;
    PUMICE_TRY(source_.read(at_, stored.bytes));
    if (stored != hasher_.finish()) return malformed("its sum is wrong");
    return {};
  }
  uint64_t at() const { return at_; }

 private:
  const SessionSource& source_;
  uint64_t at_ = 0;
  KeyHasher hasher_{Secret{}};
};

Result<std::vector<SessionPicture>> read_pictures(Parts& parts, uint64_t bytes) {
  std::vector<SessionPicture> pictures;
  while (bytes > 0) {
    PictureHeader header;
    if (bytes < sizeof header) return malformed("its pictures have another length");
    PUMICE_TRY(parts.next(std::as_writable_bytes(std::span(&header, 1))));
    bytes -= sizeof header;
    const uint64_t pixels = uint64_t{3} * header.width * header.height;
    if (header.width > kMostPictureSide || header.height > kMostPictureSide || pixels == 0 || pixels > bytes)
      return malformed("a picture has another size");
    SessionPicture& made = pictures.emplace_back();
    made.first = header.first;
    made.picture = {.size = {header.width, header.height}, .rgb = std::vector<uint8_t>(pixels)};
    PUMICE_TRY(parts.next(std::as_writable_bytes(std::span(made.picture.rgb))));
    bytes -= pixels;
  }
  return pictures;
}

Result<void> check_tokens(std::span<const int32_t> tokens, uint32_t vocabulary) {
  for (const int32_t token : tokens)
    if (token < 0 || static_cast<uint32_t>(token) >= vocabulary) return malformed("a token is outside the vocabulary");
  return {};
}

}  // namespace

uint32_t session_pages(uint32_t computed) { return computed / kPageTokens + (computed % kPageTokens > 0 ? 1 : 0); }

uint64_t stored_page_bytes(SessionKv kv, uint64_t page_bytes, uint32_t value_bytes) {
  return kv == SessionKv::kQ8 ? page_bytes / value_bytes / kBlock * kBlockBytes : page_bytes;
}

Result<void> SessionWriter::part(std::span<const std::byte> bytes) {
  hasher_.field("part", bytes);
  return sink_(bytes);
}

Result<void> SessionWriter::header(const SessionHeader& header, const SessionTarget& target,
                                   std::span<const int32_t> tokens) {
  PUMICE_TRY(part(bytes_of(header)));
  PUMICE_TRY(part(std::as_bytes(std::span(target.digest))));
  const std::string identity = std::string(target.identity) + std::string(target.adapters);
  PUMICE_TRY(part(std::as_bytes(std::span(identity))));
  return part(std::as_bytes(tokens));
}

Result<void> SessionWriter::page(const SessionHeader& header, std::span<const std::byte> page) {
  return header.kv == SessionKv::kQ8 ? part(quantise(page, header.value_bytes)) : part(page);
}

Result<void> SessionWriter::beside(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  return part(bytes);
}

Result<void> SessionWriter::picture(uint32_t first, const Picture& picture) {
  const PictureHeader header{.first = first, .width = picture.size.width, .height = picture.size.height};
  PUMICE_TRY(part(bytes_of(header)));
  return part(std::as_bytes(std::span(picture.rgb)));
}

Result<void> SessionWriter::finish() { return sink_(hasher_.finish().bytes); }

Result<SessionContent> parse_session(const SessionSource& source, const SessionTarget& target) {
  if (source.size < sizeof(SessionHeader) + kSumBytes) return malformed("it is too short");
  Parts parts(source);
  SessionHeader header;
  PUMICE_TRY(parts.next(std::as_writable_bytes(std::span(&header, 1))));
  PUMICE_ASSIGN(const uint64_t picture_bytes, check_header(header, source.size));
  if (header.tokens > target.context_tokens)
    return error(Status::kContextFull, "the session has %u tokens, the context room for %u; make the context larger",
                 header.tokens, target.context_tokens);
  PUMICE_ASSIGN(const std::string digest, parts.next_text(header.digest_bytes));
  PUMICE_ASSIGN(std::string identity, parts.next_text(header.identity_bytes));
  SessionContent content{.tokens = std::vector<int32_t>(header.tokens),
                         .dropped = header.dropped,
                         .kv = header.kv,
                         .page_bytes = header.page_bytes,
                         .stored_bytes = header.stored_bytes,
                         .value_bytes = header.value_bytes};
  PUMICE_TRY(parts.next(std::as_writable_bytes(std::span(content.tokens))));
  content.pages_at = parts.at();
  // A page at a time, as a whole file may be larger than what is free. Nothing of a page is used here.
  std::vector<std::byte> page(header.pages > 0 ? header.stored_bytes : 0);
  for (uint32_t i = 0; i < header.pages; ++i) PUMICE_TRY(parts.next(page));
  content.beside_at = parts.at();
  content.bytes_beside = header.bytes_beside;
  page.resize(header.bytes_beside);
  if (!page.empty()) PUMICE_TRY(parts.next(page));
  PUMICE_ASSIGN(content.pictures, read_pictures(parts, picture_bytes));
  PUMICE_TRY(parts.check_sum());
  if (digest != target.digest)
    return error(Status::kUnsupported, "the session was made with another model; load it with that one");
  if (content.pictures.empty()) PUMICE_TRY(check_tokens(content.tokens, target.vocabulary));
  if (const size_t line = identity.find("\nadapter "); line != std::string::npos) {
    content.adapters = identity.substr(line + 1);
    identity.resize(line + 1);
  }
  const bool same = identity == target.identity;
  if (same && header.pages > 0 && (header.page_bytes != target.page_bytes || header.value_bytes != target.value_bytes))
    return malformed("its pages are of another size");
  const uint64_t beside = target.bytes_beside ? target.bytes_beside(header.computed) : 0;
  if (same && header.computed > 0 && header.bytes_beside != beside) return malformed("its state is of another size");
  content.computed = same ? header.computed : 0;
  return content;
}

Result<std::vector<std::byte>> read_session_page(const SessionSource& source, const SessionContent& content,
                                                 uint32_t index) {
  if (index >= session_pages(content.computed)) return malformed("a page is missing");
  std::vector<std::byte> page(content.stored_bytes);
  PUMICE_TRY(source.read(content.pages_at + index * content.stored_bytes, page));
  if (content.kv == SessionKv::kQ8) page = dequantise(page, content.value_bytes);
  return page;
}

Result<std::vector<std::byte>> read_session_beside(const SessionSource& source, const SessionContent& content) {
  std::vector<std::byte> bytes(content.computed > 0 ? content.bytes_beside : 0);
  if (!bytes.empty()) PUMICE_TRY(source.read(content.beside_at, bytes));
  return bytes;
}

}  // namespace pumice

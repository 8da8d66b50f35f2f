#include "engine/session_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/identity.h"
#include "format/half.h"

namespace pumice {
namespace {

constexpr uint64_t kMagic = 0x0a53534d55500a01u;  // bytes that no text file begins with
constexpr uint32_t kVersion = 1;
constexpr uint64_t kMostText = 1 << 16;
constexpr size_t kBlock = 32;  // values of a scale
constexpr size_t kBlockBytes = kBlock + 2;

struct Header {
  uint64_t magic = kMagic;
  uint32_t version = kVersion, kv = 0;
  uint64_t dropped = 0;
  uint32_t tokens = 0, computed = 0;
  uint32_t digest_bytes = 0, identity_bytes = 0;
  uint32_t pages = 0, value_bytes = 0;  // of the KV type: 2, 4, or 1 where it is quantised
  uint64_t page_bytes = 0;              // of a page in the cache
  uint64_t stored_bytes = 0;            // of a page in the file
};
static_assert(sizeof(Header) == 64, "no padding that would be written");

std::span<const std::byte> bytes_of(const auto& value) { return std::as_bytes(std::span(&value, 1)); }

// Hashes what it hands on.
class Summing {
 public:
  explicit Summing(const SessionSink& sink) : sink_(sink) {}
  Result<void> write(std::span<const std::byte> bytes) {
    hasher_.field("part", bytes);
    return sink_(bytes);
  }
  Result<void> finish() {
    const PageKey sum = hasher_.finish();
    return sink_(sum.bytes);
  }

 private:
  const SessionSink& sink_;
  KeyHasher hasher_{Secret{}};
};

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

uint32_t value_bytes_of(const KvFormat& format) {
  if (!format.plain()) return 1;
  return format.k == KvType::kF32 ? 4 : 2;
}

uint64_t stored_page_bytes(const Header& header) {
  if (static_cast<SessionKv>(header.kv) == SessionKv::kQ8)
    return header.page_bytes / header.value_bytes / kBlock * kBlockBytes;
  return header.page_bytes;
}

Error malformed(const char* what) {
  return error(Status::kMalformed, "the session is damaged or not one of this program (%s); start a new one", what);
}

// The header, once every length in it fits the file and the sum is right.
Result<Header> check_source(const SessionSource& source) {
  Header header;
  constexpr uint64_t kSum = sizeof(PageKey::bytes);
  if (source.size < sizeof(Header) + kSum) return malformed("it is too short");
  PUMICE_TRY(source.read(0, std::as_writable_bytes(std::span(&header, 1))));
  if (header.magic != kMagic) return malformed("it begins otherwise");
  if (header.version != kVersion)
    return error(Status::kUnsupported, "the session has version %u, this program reads %u; start a new one",
                 header.version, kVersion);
  if (header.kv > 2 || header.digest_bytes > kMostText || header.identity_bytes > kMostText ||
      (header.value_bytes != 1 && header.value_bytes != 2 && header.value_bytes != 4) ||
      header.computed > header.tokens || header.page_bytes > UINT32_MAX ||
      (header.pages > 0 && header.stored_bytes > source.size) ||
      header.pages > header.tokens / kPageTokens + 1 || header.stored_bytes != stored_page_bytes(header))
    return malformed("its lengths do not fit");
  const uint64_t size = sizeof(Header) + header.digest_bytes + header.identity_bytes + uint64_t{4} * header.tokens +
                        header.pages * header.stored_bytes + kSum;
  if (size != source.size) return malformed("its length is wrong");
  return header;
}

// Reads the parts of a session one after another, and sums them up as they were written.
class Parts {
 public:
  explicit Parts(const SessionSource& source) : source_(source) {}
  Result<std::vector<std::byte>> next(uint64_t size) {
    std::vector<std::byte> part(size);
    PUMICE_TRY(source_.read(at_, part));
    at_ += size;
    hasher_.field("part", part);
    return part;
  }
  Result<void> check_sum() {
    PageKey stored;
    PUMICE_TRY(source_.read(at_, stored.bytes));
    if (stored != hasher_.finish()) return malformed("its sum is wrong");
    return {};
  }

 private:
  const SessionSource& source_;
  uint64_t at_ = 0;
  KeyHasher hasher_{Secret{}};
};

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<void> check_tokens(const Context& context, const Header& header, std::span<const int32_t> tokens) {
  const uint32_t room = context.options().context_tokens;
  if (header.tokens > room)
    return error(Status::kContextFull, "the session has %u tokens, the context room for %u; make the context larger",
                 header.tokens, room);
  for (const int32_t token : tokens)
    if (token < 0 || static_cast<uint32_t>(token) >= context.model().config().vocabulary)
      return malformed("a token is outside the vocabulary");
  return {};
}

}  // namespace

Result<void> save_session(Context& context, Sequence& sequence, SessionKv kv, std::string_view digest,
                          const SessionSink& sink) {
  PUMICE_TRY(context.check_idle(sequence));
  const KvFormat format = context.options().kv_format();
  if (kv == SessionKv::kQ8 && !format.plain())
    return error(Status::kUnsupported, "the cache is quantised already; save it as it is");
  const std::string identity = cache_identity(context.model().config(), format, digest);
  Header header{.kv = static_cast<uint32_t>(kv),
                .dropped = sequence.dropped,
                .tokens = static_cast<uint32_t>(sequence.tokens.size()),
                .computed = kv == SessionKv::kTokens ? 0 : sequence.computed,
                .digest_bytes = static_cast<uint32_t>(digest.size()),
                .identity_bytes = static_cast<uint32_t>(identity.size()),
                .value_bytes = value_bytes_of(format),
                .page_bytes = context.cache().page_bytes()};
  header.pages = divide_up(header.computed, kPageTokens);
  header.stored_bytes = stored_page_bytes(header);
  Summing out(sink);
  PUMICE_TRY(out.write(bytes_of(header)));
  PUMICE_TRY(out.write(std::as_bytes(std::span(digest))));
  PUMICE_TRY(out.write(std::as_bytes(std::span(identity))));
  PUMICE_TRY(out.write(std::as_bytes(std::span(sequence.tokens))));
  for (uint32_t i = 0; i < header.pages; ++i) {
    PUMICE_ASSIGN(std::vector<std::byte> page, context.cache().read_page(sequence.kv.pages[i]));
    if (kv == SessionKv::kQ8) page = quantise(page, header.value_bytes);
    PUMICE_TRY(out.write(page));
  }
  return out.finish();
}

Result<Sequence*> load_session(Context& context, std::string_view group, std::string_view digest,
                               const SessionSource& source) {
  PUMICE_ASSIGN(const Header header, check_source(source));
  // Once for the sum, with nothing used; then again for the content.
  Parts sum(source), parts(source);
  const auto skip = [&](uint64_t size) -> Result<void> {
    PUMICE_ASSIGN(const std::vector<std::byte> part, sum.next(size));
    return {};
  };
  for (const uint64_t size : {uint64_t{sizeof(Header)}, uint64_t{header.digest_bytes}, uint64_t{header.identity_bytes},
                              uint64_t{4} * header.tokens})
    PUMICE_TRY(skip(size));
  for (uint32_t i = 0; i < header.pages; ++i) PUMICE_TRY(skip(header.stored_bytes));
  PUMICE_TRY(sum.check_sum());

  PUMICE_ASSIGN(const std::vector<std::byte> head, parts.next(sizeof(Header)));
  PUMICE_ASSIGN(const std::vector<std::byte> of_model, parts.next(header.digest_bytes));
  if (text_of(of_model) != digest)
    return error(Status::kUnsupported, "the session was made with another model; load it with that one");
  PUMICE_ASSIGN(const std::vector<std::byte> identity, parts.next(header.identity_bytes));
  const bool same =
      text_of(identity) == cache_identity(context.model().config(), context.options().kv_format(), digest) &&
      header.page_bytes == context.cache().page_bytes();
  PUMICE_ASSIGN(const std::vector<std::byte> ids, parts.next(uint64_t{4} * header.tokens));
  std::vector<int32_t> tokens(header.tokens);
  std::memcpy(tokens.data(), ids.data(), ids.size());
  PUMICE_TRY(check_tokens(context, header, tokens));
  if (!same) return context.restore(group, std::move(tokens), 0, header.dropped, nullptr);
  const auto next_page = [&]() -> Result<std::vector<std::byte>> {
    PUMICE_ASSIGN(std::vector<std::byte> page, parts.next(header.stored_bytes));
    if (static_cast<SessionKv>(header.kv) == SessionKv::kQ8) page = dequantise(page, header.value_bytes);
    return page;
  };
  return context.restore(group, std::move(tokens), header.computed, header.dropped, next_page);
}

}  // namespace pumice

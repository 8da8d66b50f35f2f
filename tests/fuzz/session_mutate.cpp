// session_mutate: damages session files at random, the same way for the same seed, mostly makes their sums right again,
// and checks that each is either read with all that it must hold or refused, within its own size and bounded memory.
//
//   session_mutate [--count N] [--seed S]
#include <array>

#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "support/session_files.h"

namespace pumice::test {
namespace {

constexpr size_t kFreeBytes = 4096;  // for messages, whatever the size of the file

struct Kind {
  SessionKv kv;
  uint32_t value_bytes;
  uint64_t page_bytes;
};
constexpr Kind kKinds[] = {{SessionKv::kExact, 2, 256}, {SessionKv::kExact, 4, 512}, {SessionKv::kExact, 1, 136},
                           {SessionKv::kQ8, 2, 256},    {SessionKv::kQ8, 4, 512},    {SessionKv::kTokens, 2, 256}};
constexpr uint32_t kTokens[] = {0, 1, 31, 32, 33, 64, 100};

SessionTarget target_of(const Kind& kind) {
  return {.digest = "0123456789abcdef0123456789abcdef",
          .identity = "model x\nkv f16 f16\n",
          .vocabulary = 300,
          .context_tokens = 128,
          .page_bytes = kind.page_bytes,
          .value_bytes = kind.value_bytes};
}

SessionHeader header_of(const Bytes& file) {
  SessionHeader header;
  std::memcpy(&header, file.data(), std::min(file.size(), sizeof header));
  return header;
}

// The sizes of the parts, as the header has them; nothing if a part would not end within `most` bytes.
std::vector<uint64_t> part_sizes(const SessionHeader& header, uint64_t most) {
  std::vector<uint64_t> sizes = {sizeof header, header.digest_bytes, header.identity_bytes, 4ull * header.tokens};
  if (header.pages > most || header.stored_bytes > most) return {};
  sizes.insert(sizes.end(), header.pages, header.stored_bytes);
  uint64_t sum = 0;
  for (const uint64_t size : sizes) sum += size;
  return sum <= most ? sizes : std::vector<uint64_t>();
}

class Mutants {
 public:
  explicit Mutants(uint64_t seed) : random_(seed) {}

  // The target of the last file.
  const SessionTarget& target() const { return target_; }

  Bytes next() {
    const Kind& kind = kKinds[random_.below(std::size(kKinds))];
    target_ = target_of(kind);
    Bytes file = seed_file(kind);
    const uint64_t edits = 1 + random_.below(3);
    for (uint64_t i = 0; i < edits; ++i) edit(file);
    if (random_.below(2) == 0) fit_size(file);
    if (random_.below(16) != 0) seal(file);
    return file;
  }

 private:
  Bytes seed_file(const Kind& kind) {
    const uint32_t tokens = kTokens[random_.below(std::size(kTokens))];
    return session_bytes(session_for(target_of(kind), kind.kv, tokens, random_.below(2) ? tokens : tokens / 2));
  }

  void edit(Bytes& file) {
    if (file.size() < sizeof(SessionHeader)) return;
    switch (random_.below(8)) {
      case 0:
        return random_.edit(file, seed_file(kKinds[random_.below(std::size(kKinds))]));
      case 1:
        return edit_token(file);
      case 2:
        return swap_fields(file);
      case 3:
        return borrow_field(file);
      default:
        return edit_field(file);
    }
  }

  struct Field {
    size_t offset, width;
  };
  static constexpr std::array<Field, 12> kFields = {
      {{0, 8}, {8, 4}, {12, 4}, {16, 8}, {24, 4}, {28, 4}, {32, 4}, {36, 4}, {40, 4}, {44, 4}, {48, 8}, {56, 8}}};
  // The magic and the version are well looked after by one look each.
  const Field& field() { return kFields[random_.below(64) == 0 ? random_.below(2) : 2 + random_.below(10)]; }

  void edit_field(Bytes& file) {
    const Field& place = field();
    uint64_t value = 0;
    std::memcpy(&value, file.data() + place.offset, place.width);
    switch (random_.below(4)) {
      case 0:
        value = random_.extreme(file.size());
        break;
      case 1:
        value = random_.below(40);
        break;
      case 2:
        value = random_.below(2) ? value * 2 : value / 2;
        break;
      default:
        value += random_.below(2) ? 1 : UINT64_MAX;
        break;
    }
    std::memcpy(file.data() + place.offset, &value, place.width);
  }
  void swap_fields(Bytes& file) {
    const Field &a = field(), &b = field();
    const size_t width = std::min(a.width, b.width);
    std::array<std::byte, 8> kept;
    std::memcpy(kept.data(), file.data() + a.offset, width);
    std::memmove(file.data() + a.offset, file.data() + b.offset, width);
    std::memcpy(file.data() + b.offset, kept.data(), width);
  }
  // A field as it is in a file of another kind or length.
  void borrow_field(Bytes& file) {
    const Bytes other = seed_file(kKinds[random_.below(std::size(kKinds))]);
    const Field& place = field();
    std::memcpy(file.data() + place.offset, other.data() + place.offset, place.width);
  }
  void edit_token(Bytes& file) {
    const SessionHeader header = header_of(file);
    const uint64_t at =
        sizeof header + uint64_t{header.digest_bytes} + header.identity_bytes + 4 * random_.below(header.tokens);
    if (at + 4 > file.size()) return;
    const auto value = static_cast<uint32_t>(random_.below(2) ? random_.extreme(file.size()) : random_.below(310));
    std::memcpy(file.data() + at, &value, 4);
  }

  // Makes the file as long as its header says.
  static void fit_size(Bytes& file) {
    constexpr uint64_t kMost = 1u << 16;
    if (file.size() < sizeof(SessionHeader)) return;
    uint64_t size = sizeof(PageKey::bytes);
    const std::vector<uint64_t> sizes = part_sizes(header_of(file), kMost);
    for (const uint64_t part : sizes) size += part;
    if (!sizes.empty()) file.resize(size);
  }
  static void seal(Bytes& file) {
    constexpr size_t kSum = sizeof(PageKey::bytes);
    if (file.size() < sizeof(SessionHeader) + kSum) return;
    std::vector<std::span<const std::byte>> parts;
    std::span<const std::byte> rest = std::span(file).first(file.size() - kSum);
    for (const uint64_t size : part_sizes(header_of(file), rest.size())) {
      parts.push_back(rest.first(size));
      rest = rest.subspan(size);
    }
    const PageKey sum = session_sum(parts);
    std::memcpy(file.data() + file.size() - kSum, sum.bytes.data(), kSum);
  }

  Mutator random_;
  SessionTarget target_;
};

bool try_file(const Bytes& file, const SessionTarget& target) {
  SessionSource source = session_source(file);
  const auto within = source.read;
  source.read = [&](uint64_t at, std::span<std::byte> to) {
    FUZZ_CHECK(at <= file.size() && to.size() <= file.size() - at);
    return within(at, to);
  };
  allocated = 0;
  const Result<SessionContent> content = parse_session(source, target);
  FUZZ_CHECK(allocated <= 2 * file.size() + kFreeBytes);
  if (!content) {
    FUZZ_CHECK(!content.error().message.empty() && content.error().message.find('\n') == std::string::npos);
    return false;
  }
  FUZZ_CHECK(content->tokens.size() <= target.context_tokens && content->computed <= content->tokens.size());
  FUZZ_CHECK(content->dropped + content->tokens.size() >= content->dropped);
  for (const int32_t token : content->tokens)
    FUZZ_CHECK(token >= 0 && static_cast<uint32_t>(token) < target.vocabulary);
  for (uint32_t i = 0; i < session_pages(content->computed); ++i) {
    const Result<std::vector<std::byte>> page = read_session_page(source, *content, i);
    FUZZ_CHECK(page && page->size() == target.page_bytes);
  }
  return true;
}

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 20000);
  Mutants mutants(options.seed);
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) {
    const Bytes file = mutants.next();
    totals.add([&] { return try_file(file, mutants.target()); });
  }
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }

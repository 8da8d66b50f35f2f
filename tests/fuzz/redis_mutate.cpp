// redis_mutate: damages replies of a Redis server at random, the same way for the same seed, and checks that each ends
// as a reply or an error, in bounded memory.
//
//   redis_mutate [--count N] [--seed S]
#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "kv/tiers/redis_connection.h"

namespace pumice::test {
namespace {

#ifdef PUMICE_HAS_HIREDIS

constexpr uint64_t kMostReply = 4096;
constexpr size_t kMostAllocated = 8u << 20;  // the receive buffer, and as many elements as a reply may have

constexpr std::string_view kSeeds[] = {
    "+OK\r\n",
    "-ERR unknown command\r\n",
    ":1234567\r\n",
    "$-1\r\n",
    "$5\r\nhello\r\n",
    "$300\r\n",
    "*2\r\n$1\r\n0\r\n*3\r\n$7\r\nkv:n:0:\r\n$3\r\nabc\r\n$-1\r\n",
    "*0\r\n*-1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    "%1\r\n+a\r\n,1.5\r\n#t\r\n_\r\n(123456789012345678901234567890\r\n=5\r\ntxt:x\r\n~1\r\n:1\r\n>1\r\n+x\r\n",
    "*60000\r\n*60000\r\n*60000\r\n",
    "$9223372036854775807\r\nx",
};

// Hands its bytes out in pieces, and then is closed.
class Replay final : public RedisStream {
 public:
  Replay(Bytes bytes, size_t piece) : bytes_(std::move(bytes)), piece_(piece) {}
  Result<void> send(std::span<const std::byte>, Deadline) override { return {}; }
  Result<size_t> receive(std::span<std::byte> to, Deadline) override {
    const size_t size = std::min({piece_, bytes_.size() - at_, to.size()});
    if (size == 0) return error(Status::kIo, "closed");
    std::memcpy(to.data(), bytes_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  const Bytes bytes_;
  const size_t piece_;
  size_t at_ = 0;
};

Bytes seed_file(Mutator& random) {
  Bytes file;
  const uint64_t count = 1 + random.below(4);
  for (uint64_t i = 0; i < count; ++i) {
    const auto bytes = std::as_bytes(std::span(kSeeds[random.below(std::size(kSeeds))]));
    file.insert(file.end(), bytes.begin(), bytes.end());
  }
  return file;
}

// Lengths and counts are text here.
void edit_digit(Mutator& random, Bytes& file) {
  if (file.empty()) return;
  constexpr std::string_view kBytes = "0123456789-+$*:,#%~>=(_\r\n";
  file[random.below(file.size())] = static_cast<std::byte>(kBytes[random.below(kBytes.size())]);
}

bool try_replies(Mutator& random) {
  Bytes file = seed_file(random);
  for (uint64_t edits = random.below(4); edits > 0; --edits) {
    if (random.below(2)) {
      edit_digit(random, file);
    } else {
      random.edit(file, seed_file(random));
    }
  }
  const size_t most = file.size() + 1;
  allocated = 0;
  const auto connection =
      RedisConnection::over(std::make_unique<Replay>(std::move(file), 1 + random.below(64)), kMostReply).value();
  for (size_t replies = 0;; ++replies) {
    FUZZ_CHECK(replies < most);
    const auto reply = connection->receive(SocketDeadline::max());
    FUZZ_CHECK(allocated <= kMostAllocated);
    if (!reply) {
      FUZZ_CHECK(!reply.error().message.empty() && reply.error().message.find('\n') == std::string::npos);
      return replies > 0;
    }
    for (const auto& element : (*reply)->elements) FUZZ_CHECK(element != nullptr);
    allocated = 0;
  }
}

#else

bool try_replies(Mutator&) { return false; }

#endif

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 20000);
  Mutator random(options.seed);
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) totals.add([&] { return try_replies(random); });
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }

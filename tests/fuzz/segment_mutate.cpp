// segment_mutate: damages segment files of the disk tier at random, the same way for the same seed, mostly makes the
// sums of their records right again, and checks that whatever is read from them is right or a miss, that nothing lies
// outside the file, and that memory stays bounded.
//
//   segment_mutate [--count N] [--seed S]
#include "fuzz/fuzz_run.h"
#include "fuzz/mutator.h"
#include "kv/tiers/disk_folder.h"
#include "kv/tiers/disk_tier.h"
#include "support/kv_pages.h"
#include "support/temporary_folder.h"

namespace pumice::test {
namespace {

constexpr size_t kFreeBytes = 2u << 20;  // for windows of the search and of sums
constexpr uint64_t kTierEvery = 8;       // of the files are opened as a tier, too
constexpr std::string_view kNameSpace = "n";

PageCodec codec() { return PageCodec::create({.secret = secret_of(1), .name_space = kNameSpace}).value(); }

class Segments {
 public:
  Segments(const std::vector<StoredPage>& pages, uint64_t seed) : random_(seed) {
    for (const StoredPage& page : pages) values_.push_back({page.key, codec().seal(loaded(page)).value()});
  }

  Bytes next() {
    Bytes file = seed_file();
    const uint64_t edits = 1 + random_.below(4);
    for (uint64_t i = 0; i < edits; ++i) edit(file);
    if (random_.below(16) != 0) seal(file);
    return file;
  }

 private:
  struct Value {
    PageKey key;
    std::vector<std::byte> bytes;
  };

  Bytes seed_file() {
    Bytes file;
    const uint64_t count = random_.below(5);
    for (uint64_t i = 0; i < count; ++i) {
      const Value& value = values_[random_.below(values_.size())];
      const uint64_t at = align_record(file.size());
      const RecordHeader header = make_header(value.key, value.bytes.size(), kNameSpace, random_.below(3) == 0, 1);
      const RecordCommit commit = make_commit(header, value.bytes);
      file.resize(record_end(at, value.bytes.size()));
      std::memcpy(file.data() + at, &header, sizeof header);
      std::ranges::copy(value.bytes, file.begin() + static_cast<ptrdiff_t>(value_offset(at)));
      std::memcpy(file.data() + file.size() - sizeof commit, &commit, sizeof commit);
    }
    return file;
  }

  // The start of some record, or of what could be one.
  size_t record_start(const Bytes& file) {
    return file.size() < sizeof(RecordHeader)
               ? SIZE_MAX
               : kRecordAlignment * random_.below((file.size() - sizeof(RecordHeader)) / kRecordAlignment + 1);
  }
  void edit(Bytes& file) {
    const size_t at = record_start(file);
    if (at == SIZE_MAX || random_.below(3) == 0) return random_.edit(file, seed_file());
    RecordHeader header;
    std::memcpy(&header, file.data() + at, sizeof header);
    switch (random_.below(5)) {
      case 0:
        header.value_bytes = random_.extreme(file.size());
        break;
      case 1:
        header.value_bytes = file.size() - at - random_.below(2 * sizeof(RecordHeader));
        break;
      case 2:
        header.key = values_[random_.below(values_.size())].key;  // a value under another's key
        break;
      case 3:
        header.name_space[random_.below(kNameSpaceBytes)] ^= static_cast<char>(1u << random_.below(8));
        break;
      default: {  // a record's beginning elsewhere
        const size_t from = record_start(file);
        std::memcpy(&header, file.data() + from, sizeof header);
      }
    }
    std::memcpy(file.data() + at, &header, sizeof header);
  }

  // Makes the sums of all that begin like records right for what they hold.
  static void seal(Bytes& file) {
    const RecordHeader magic = make_header({}, 0, "", 0, 0);
    for (size_t at = 0; at + sizeof(RecordHeader) <= file.size(); at += kRecordAlignment) {
      RecordHeader header;
      std::memcpy(&header, file.data() + at, sizeof header);
      if (header.magic != magic.magic) continue;
      header = make_header(header.key, header.value_bytes, name_space_of(header), header.epoch, header.written_at);
      std::memcpy(file.data() + at, &header, sizeof header);
      const size_t room = file.size() - at - sizeof header;
      if (room < sizeof(RecordCommit) || header.value_bytes > room - sizeof(RecordCommit)) continue;
      const RecordCommit commit =
          make_commit(header, std::span(file).subspan(value_offset(at), static_cast<size_t>(header.value_bytes)));
      std::memcpy(file.data() + value_offset(at) + header.value_bytes, &commit, offsetof(RecordCommit, uses));
    }
  }

  Mutator random_;
  std::vector<Value> values_;
};

// true: a record was found whole.
bool scan(const File& file, uint64_t size, bool check_values) {
  bool whole = false;
  uint64_t end = 0;
  allocated = 0;
  const Result<SegmentScan> scanned = scan_segment(file, check_values, [&](const FoundRecord& record) {
    FUZZ_CHECK(record.offset % kRecordAlignment == 0 && record.offset >= end);
    FUZZ_CHECK(record.offset + sizeof(RecordHeader) <= size);
    end = record.offset + sizeof(RecordHeader);
    if (record.state == RecordState::kDamaged) return;
    FUZZ_CHECK(record.header.value_bytes <= size && record_end(record.offset, record.header.value_bytes) <= size);
    whole = true;
  });
  FUZZ_CHECK(scanned && allocated <= kFreeBytes + 2 * size);
  return whole;
}

void open_as_tier(const std::string& folder, const std::vector<StoredPage>& pages) {
  const DiskFolder looked_at = DiskFolder::open(folder).value();
  FUZZ_CHECK(looked_at.verify(nullptr, [](double) { return true; }).ok());
  const auto tier =
      DiskTier::create({.folder = folder, .limit_bytes = 1u << 20, .name_space = std::string(kNameSpace)});
  FUZZ_CHECK(tier);
  const PageCodec opened = codec();
  for (const StoredPage& page : pages) {
    std::vector<std::byte> value;
    const Result<bool> found = (*tier)->read(page.key, value, Tier::Deadline::max());
    if (!found || !*found) continue;
    const Result<SharedBytes> payload = opened.open(std::move(value), wanted(page));
    FUZZ_CHECK(!payload || same_bytes(*payload, page.payload));
  }
}

int run(int argc, char** argv) {
  const FuzzOptions options = fuzz_options(argc, argv, 5000);
  const TemporaryFolder folder;
  const std::string kv = folder.file("kv");
  const std::vector<StoredPage> pages = make_text(6, 700, 1);
  Segments segments(pages, options.seed);
  FuzzTotals totals;
  for (uint64_t i = 0; i < options.count; ++i) {
    const Bytes bytes = segments.next();
    FUZZ_CHECK(make_folders(kv).ok());
    {
      static_cast<void>(remove_file(segment_path(kv, 1)));
      const File file = File::open(segment_path(kv, 1), FileAccess::kCreate).value();
      FUZZ_CHECK(file.write_at(0, bytes).ok());
      totals.add([&] { return scan(file, bytes.size(), i % 2 == 0); });
    }
    if (i % kTierEvery == 0) open_as_tier(kv, pages);
  }
  totals.print();
  return 0;
}

}  // namespace
}  // namespace pumice::test

int main(int argc, char** argv) { return pumice::test::run(argc, argv); }

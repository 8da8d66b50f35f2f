// Models split into several files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "format/gguf.h"
#include "support/gguf_writer.h"

namespace pumice::gguf_split_test {

using test::f32_bytes;
using test::GgufWriter;

struct PartFields {
  uint16_t number, count;
  int32_t tensors = 3;
  std::string name = "t";
};

// Part i holds tensor "t<i>" with the one value i.
std::vector<std::byte> part(const PartFields& fields) {
  GgufWriter w;
  if (fields.number == 0) w.string("general.architecture", "test");
  w.u16("split.no", fields.number).u16("split.count", fields.count).i32("split.tensors.count", fields.tensors);
  const float value[] = {static_cast<float>(fields.number)};
  w.tensor(fields.name + std::to_string(fields.number), {1}, TensorType::kF32, f32_bytes(value));
  return w.finish();
}

Result<Gguf> open_parts(const std::vector<std::vector<std::byte>>& files) {
  const std::vector<std::span<const std::byte>> spans(files.begin(), files.end());
  return Gguf::from_parts(spans);
}

TEST(GgufSplit, FromMemory) {
  const std::vector<std::vector<std::byte>> files = {part({0, 3}), part({1, 3}), part({2, 3})};
  const Result<Gguf> g = open_parts(files);
  ASSERT_TRUE(g.ok()) << g.error().message;
  EXPECT_EQ(g->part_count(), 3u);
  ASSERT_EQ(g->tensors().size(), 3u);
  EXPECT_EQ(g->get_string("general.architecture"), "test");
  const float two[] = {2.0f};
  EXPECT_TRUE(std::equal(g->find_tensor("t2")->data.begin(), g->find_tensor("t2")->data.end(), f32_bytes(two).begin()));
}

TEST(GgufSplit, RefusesPartsThatDoNotFit) {
  const auto refusal = [](const std::vector<std::vector<std::byte>>& files) {
    const Result<Gguf> g = open_parts(files);
    return g.ok() ? "(accepted)" : g.error().message;
  };
  EXPECT_EQ(refusal({}), "no GGUF file was given");
  EXPECT_EQ(refusal({part({1, 3})}), "this is part 2 of a model split into 3; give all parts, in order");
  EXPECT_EQ(refusal({part({0, 2}), part({0, 2})}),
            "file 2 of 2 says that it is part 1 of 2: the parts do not belong together");
  EXPECT_EQ(refusal({part({0, 2}), part({1, 3})}),
            "file 2 of 2 says that it is part 2 of 3: the parts do not belong together");
  EXPECT_EQ(refusal({part({0, 2}), part({1, 2})}),
            "split.tensors.count is 3, but the parts hold 2 tensors; get the parts again");
  EXPECT_EQ(refusal({part({5, 3})}), "split.no 5 and split.count 3 do not name a part of a split model");
  EXPECT_EQ(refusal({part({0, 2, 2, "t1"}), part({1, 2, 2, "t1"})}).substr(0, 10), "(accepted)");
  EXPECT_EQ(refusal({part({0, 2, 2, "t"}), GgufWriter()
                                               .u16("split.no", 1)
                                               .u16("split.count", 2)
                                               .tensor("t0", {1}, TensorType::kF32, std::vector<std::byte>(4))
                                               .finish()}),
            "tensor \"t0\" occurs twice");
  EXPECT_EQ(refusal({GgufWriter().string("split.count", "x").finish()}),
            "split.no (absent) and split.count \"x\" do not name a part of a split model");
  EXPECT_EQ(refusal({part({0, 1, 1})}), "(accepted)");  // split into one
}

class GgufSplitFiles : public testing::Test {
 protected:
  GgufSplitFiles() {
    folder_ = std::filesystem::temp_directory_path() /
              ("pumice_split_" + std::to_string(testing::UnitTest::GetInstance()->random_seed()) + "_" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  ~GgufSplitFiles() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::vector<std::byte>& bytes) const {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path.string();
  }

  std::filesystem::path folder_;
};

FileSource source_of(const std::vector<std::byte>& bytes) {
  return {.size = bytes.size(), .read = [bytes](uint64_t offset, std::span<std::byte> to) -> Result<void> {
            std::memcpy(to.data(), bytes.data() + offset, to.size());
            return {};
          }};
}

TEST(GgufSplitSources, ThatAreGivenInOrder) {
  const std::vector<std::byte> parts[] = {part({0, 3}), part({1, 3}), part({2, 3})};
  const Result<Gguf> g = Gguf::open({source_of(parts[0]), source_of(parts[1]), source_of(parts[2])});
  ASSERT_TRUE(g.ok()) << g.error().message;
  ASSERT_EQ(g->tensors().size(), 3u);
  const GgufTensor& last = g->tensors()[2];
  std::vector<std::byte> scratch(last.data.size());
  const Result<std::span<const std::byte>> bytes = g->fetch(last.data, scratch);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  float value = 0;
  ASSERT_EQ(bytes->size(), sizeof value);
  std::memcpy(&value, bytes->data(), sizeof value);
  EXPECT_EQ(value, 2);
  EXPECT_EQ(Gguf::open({source_of(parts[1]), source_of(parts[0]), source_of(parts[2])}).error().status,
            Status::kMalformed);
  EXPECT_EQ(Gguf::open({source_of(parts[0])}).error().status, Status::kInvalidArgument) << "a part is missing";
  EXPECT_EQ(Gguf::open(std::vector<FileSource>()).error().status, Status::kInvalidArgument);
}

TEST_F(GgufSplitFiles, AnyPartOpensAll) {
  std::vector<std::string> paths;
  for (uint16_t i = 0; i < 3; ++i)
    paths.push_back(write("m-0000" + std::to_string(i + 1) + "-of-00003.gguf", part({i, 3})));
  for (const std::string& path : paths) {
    const Result<Gguf> g = Gguf::open(path);
    ASSERT_TRUE(g.ok()) << g.error().message;
    EXPECT_EQ(g->tensors().size(), 3u);
    EXPECT_EQ(g->get_string("general.architecture"), "test");
    EXPECT_EQ(g->tensors()[1].name, "t1");
  }
}

TEST_F(GgufSplitFiles, MissingAndMisnamedParts) {
  const std::string first = write("m-00001-of-00002.gguf", part({0, 2, 2}));
  EXPECT_EQ(Gguf::open(first).error().status, Status::kNotFound);
  EXPECT_NE(Gguf::open(first).error().message.find("m-00002-of-00002.gguf"), std::string::npos);
  EXPECT_NE(Gguf::open(first).error().message.find("part 2 of 2 of a split model"), std::string::npos);
  const std::string renamed = write("renamed.gguf", part({1, 2, 2}));
  EXPECT_EQ(Gguf::open(renamed).error().message,
            renamed +
                ": this is part 2 of a split model, but its name does not end in -00002-of-00002.gguf, by which the "
                "other parts are found; rename it");
  write("m-00002-of-00002.gguf", std::vector<std::byte>(100));
  EXPECT_NE(Gguf::open(first).error().message.find("m-00002-of-00002.gguf: not a GGUF file: it starts with zeros"),
            std::string::npos);
}

}  // namespace pumice::gguf_split_test

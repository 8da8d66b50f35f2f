// Well-formed files: every kind of metadata, tensors, versions, real models.
#include "format/gguf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "format/dequantize.h"
#include "format/device_layout.h"
#include "support/gguf_writer.h"
#include "support/whole_gguf.h"
#include "test_paths.h"

namespace pumice::gguf_test {

using test::ByteWriter;
using test::GgufWriter;
using test::random_blocks;

GgufWriter all_kinds() {
  GgufWriter w;
  w.u8("u8", 200).i8("i8", -100).u16("u16", 60000).i16("i16", -30000).u32("u32", 4000000000u).i32("i32", -2000000000);
  w.u64("u64", UINT64_MAX).i64("i64", INT64_MIN).f32("f32", 0.1f).f64("f64", 0.1).boolean("yes", true);
  w.boolean("no", false).string("string", "na\u00efve").string("empty", "");
  const std::string words[] = {"one", "", "three"};
  w.strings("strings", words).f32s("f32s", {1.5f, -2.0f}).i32s("i32s", {-1, 2, 3}).f32s("none", {});
  const double doubles[] = {0.5, 1e300};
  w.array<double>("f64s", GgufValueType::kF64, doubles);
  const uint8_t bools[] = {1, 0, 1};
  w.array<uint8_t>("bools", GgufValueType::kBool, bools);
  const uint32_t large[] = {1, 0x80000000u};
  w.array<uint32_t>("u32s", GgufValueType::kU32, large);
  ByteWriter nested;  // [["a", "b"], [7]]
  nested.put(GgufValueType::kArray).put<uint64_t>(2);
  nested.put(GgufValueType::kString).put<uint64_t>(2).text("a").text("b");
  nested.put(GgufValueType::kU16).put<uint64_t>(1).put<uint16_t>(7);
  w.raw("nested", GgufValueType::kArray, nested.bytes);
  return w;
}

TEST(Gguf, EveryScalarKind) {
  const std::vector<std::byte> file = all_kinds().finish();
  const Result<Gguf> opened = Gguf::from_memory(file);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const Gguf& g = *opened;
  EXPECT_EQ(g.get_u64("u8"), 200u);
  EXPECT_EQ(g.get_i64("i8"), -100);
  EXPECT_EQ(g.get_u64("u16"), 60000u);
  EXPECT_EQ(g.get_i64("i16"), -30000);
  EXPECT_EQ(g.get_u32("u32"), 4000000000u);
  EXPECT_EQ(g.get_i64("i32"), -2000000000);
  EXPECT_EQ(g.get_u64("u64"), UINT64_MAX);
  EXPECT_EQ(g.get_i64("i64"), INT64_MIN);
  EXPECT_EQ(g.get_f32("f32"), 0.1f);
  EXPECT_EQ(g.get_f32("f64"), 0.1f);
  EXPECT_EQ(g.get_f32("i8"), -100.0f);
  EXPECT_EQ(g.get_bool("yes"), true);
  EXPECT_EQ(g.get_bool("no"), false);
  EXPECT_EQ(g.get_string("string"), "na\u00efve");
  EXPECT_EQ(g.get_string("empty"), "");
  EXPECT_EQ(g.metadata().size(), 22u);
  EXPECT_EQ(g.metadata()[0].key, "u8");
}

TEST(Gguf, ConversionsThatDoNotFit) {
  const std::vector<std::byte> file = all_kinds().finish();
  const Gguf g = Gguf::from_memory(file).value();
  EXPECT_FALSE(g.get_u64("i8"));
  EXPECT_FALSE(g.get_i64("u64"));
  EXPECT_FALSE(g.get_u32("u64"));
  EXPECT_FALSE(g.get_u64("f32"));
  EXPECT_FALSE(g.get_u64("yes"));
  EXPECT_FALSE(g.get_bool("u8"));
  EXPECT_FALSE(g.get_f32("string"));
  EXPECT_FALSE(g.get_string("strings"));
  EXPECT_FALSE(g.get_strings("string"));
  EXPECT_FALSE(g.get_strings("f32s"));
  EXPECT_FALSE(g.get_f32_array("i32s"));
  EXPECT_FALSE(g.get_i32_array("u32s"));
  EXPECT_FALSE(g.get_i32_array("f32s"));
  EXPECT_FALSE(g.get_u64("absent"));
  EXPECT_EQ(g.find("absent"), nullptr);
}

TEST(Gguf, Arrays) {
  const std::vector<std::byte> file = all_kinds().finish();
  const Gguf g = Gguf::from_memory(file).value();
  EXPECT_EQ(g.get_strings("strings"), (std::vector<std::string_view>{"one", "", "three"}));
  EXPECT_EQ(g.get_f32_array("f32s"), (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(g.get_f32_array("none"), std::vector<float>());
  EXPECT_EQ(g.get_f32_array("f64s"), (std::vector<float>{0.5f, INFINITY}));
  EXPECT_EQ(g.get_i32_array("i32s"), (std::vector<int32_t>{-1, 2, 3}));
  EXPECT_EQ(g.get_i32_array("bools"), (std::vector<int32_t>{1, 0, 1}));
}

TEST(Gguf, Rendering) {
  const std::vector<std::byte> file = all_kinds().string("long", std::string(500, 'x')).finish();
  const Gguf g = Gguf::from_memory(file).value();
  const auto shown = [&g](std::string_view key) { return render(*g.find(key)); };
  EXPECT_EQ(shown("i64"), "-9223372036854775808");
  EXPECT_EQ(shown("f32"), "0.1");
  EXPECT_EQ(shown("yes"), "true");
  EXPECT_EQ(shown("string"), "\"na\u00efve\"");
  EXPECT_EQ(shown("strings"), "[\"one\", \"\", \"three\"]");
  EXPECT_EQ(shown("none"), "[]");
  EXPECT_EQ(shown("nested"), "[[\"a\", \"b\"], [7]]");
  EXPECT_EQ(shown("long"), "\"" + std::string(95, 'x') + "\"...");
  EXPECT_EQ(value_type_name(*g.find("nested")), "[array]");
  EXPECT_EQ(value_type_name(*g.find("f64s")), "[f64]");
  EXPECT_EQ(value_type_name(*g.find("u8")), "u8");

  const std::vector<std::byte> many_file = GgufWriter().i32s("many", std::vector<int32_t>(100000, 12345)).finish();
  const Gguf many = Gguf::from_memory(many_file).value();
  EXPECT_EQ(render(*many.find("many"), 60), "[12345, 12345, 12345, 12345, 12345, ...] (100000 in all)");
}

TEST(Gguf, QuotingIsPrintableAndBounded) {
  EXPECT_EQ(quote("a\"b\\c\n\t\x01\x7f"), "\"a\\\"b\\\\c\\n\\t\\x01\\x7f\"");
  EXPECT_EQ(quote("\xff\xc3(\xed\xa0\x80"), "\"\\xff\\xc3(\\xed\\xa0\\x80\"");
  EXPECT_EQ(quote("\u00e9\u20ac\U0001f600"), "\"\u00e9\u20ac\U0001f600\"");
  EXPECT_EQ(quote("\u2028"), "\"\\u{2028}\"");  // a line separator would break one-line messages
  for (size_t length = 0; length < 40; ++length)
    for (size_t limit = 8; limit < 40; ++limit) EXPECT_LE(quote(std::string(length, 'q'), limit).size(), limit);
  EXPECT_EQ(quote("12345678", 10), "\"12345678\"");
  EXPECT_EQ(quote("123456789", 10), "\"12345\"...");
}

TEST(Gguf, TensorsOfBothVersions) {
  for (const uint32_t version : {2u, 3u}) {
    GgufWriter w;
    w.version = version;
    w.string("general.architecture", "test");
    const std::vector<std::byte> a = random_blocks(TensorType::kQ4_0, 64 * 3, 1);
    const std::vector<std::byte> b = random_blocks(TensorType::kF32, 5, 2);
    w.tensor("a", {64, 3}, TensorType::kQ4_0, a).tensor("b", {5}, TensorType::kF32, b);
    w.tensor("c", {32, 2, 2, 3}, TensorType::kIQ4_XS, {});
    EXPECT_FALSE(Gguf::from_memory(w.finish()).ok());
    w = GgufWriter();
    w.version = version;
    w.tensor("a", {64, 3}, TensorType::kQ4_0, a).tensor("b", {5}, TensorType::kF32, b);
    w.tensor("c", {256, 2, 2, 3}, TensorType::kIQ4_XS, std::vector<std::byte>(136 * 12));
    const std::vector<std::byte> file = w.finish();
    const Result<Gguf> g = Gguf::from_memory(file);
    ASSERT_TRUE(g.ok()) << g.error().message;
    EXPECT_EQ(g->version(), version);
    EXPECT_EQ(g->part_count(), 1u);
    EXPECT_EQ(g->file_bytes(), file.size());
    EXPECT_EQ(g->parameter_count(), 192u + 5u + 3072u);
    ASSERT_EQ(g->tensors().size(), 3u);
    const GgufTensor* found = g->find_tensor("a");
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->cols(), 64u);
    EXPECT_EQ(found->rows(), 3u);
    EXPECT_EQ(found->row_bytes(), 36u);
    EXPECT_TRUE(std::equal(a.begin(), a.end(), found->data.begin(), found->data.end()));
    EXPECT_TRUE(std::equal(b.begin(), b.end(), g->find_tensor("b")->data.begin()));
    EXPECT_EQ(g->find_tensor("c")->rows(), 12u);
    EXPECT_EQ(render_shape(*g->find_tensor("c")), "(256, 2, 2, 3)");
    EXPECT_EQ(g->find_tensor("d"), nullptr);
  }
}

TEST(Gguf, Alignment) {
  for (const uint32_t alignment : {1u, 8u, 64u, 4096u}) {
    GgufWriter w;
    w.alignment_key(alignment).string("odd", "x");
    const std::vector<std::byte> a = random_blocks(TensorType::kQ8_0, 32, 1);
    w.tensor("a", {32}, TensorType::kQ8_0, a).tensor("b", {32}, TensorType::kQ8_0, a);
    const std::vector<std::byte> file = w.finish();
    const Result<Gguf> g = Gguf::from_memory(file);
    ASSERT_TRUE(g.ok()) << g.error().message;
    EXPECT_TRUE(std::equal(a.begin(), a.end(), g->find_tensor("b")->data.begin()));
    EXPECT_EQ(static_cast<uint64_t>(g->find_tensor("b")->data.data() - file.data()) % alignment, 0u);
  }
}

TEST(Gguf, ViewsSurviveMoving) {
  const std::vector<std::byte> file =
      all_kinds().tensor("t", {1}, TensorType::kF32, std::vector<std::byte>(4)).finish();
  Gguf first = Gguf::from_memory(file).value();
  const std::string_view text = *first.get_string("string");
  const GgufTensor* tensor = first.find_tensor("t");
  const Gguf second = std::move(first);
  EXPECT_EQ(second.get_string("string")->data(), text.data());
  EXPECT_EQ(second.find_tensor("t"), tensor);
}

TEST(Gguf, OpenNamesTheFile) {
  EXPECT_EQ(Gguf::open("/nonexistent/model.gguf").error().status, Status::kNotFound);
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "pumice_gguf_test_empty.gguf";
  std::ofstream(path).close();
  const Result<Gguf> opened = Gguf::open(path.string());
  std::filesystem::remove(path);
  ASSERT_FALSE(opened.ok());
  EXPECT_TRUE(opened.error().message.starts_with(path.string() + ": the file is cut short")) << opened.error().message;
}

// Every weight of a real model decodes and survives the device layout.
void check_model(const std::filesystem::path& path) {
  SCOPED_TRACE(path.filename().string());
  const Result<Gguf> g = test::whole_gguf(path.string());
  ASSERT_TRUE(g.ok()) << g.error().message;
  EXPECT_TRUE(g->get_string("general.architecture"));
  for (const GgufEntry& entry : g->metadata()) EXPECT_LE(render(entry.value).size(), 100u);
  for (const GgufTensor& tensor : g->tensors()) {
    const uint64_t rows = std::min<uint64_t>(tensor.rows(), 16);
    std::vector<float> values(rows * tensor.cols()), row(tensor.cols());
    ASSERT_TRUE(dequantize_rows(tensor, 0, rows, values));
    const DeviceLayout layout = device_layout_for(tensor).value();
    std::vector<uint32_t> quants(layout.quant_plane_words(rows)), scales(layout.scale_plane_words(rows));
    repack_rows(tensor, 0, rows, layout, quants, scales);
    for (uint64_t r = 0; r < rows; ++r) {
      unpack_row(layout, quants, scales, r, row);
      ASSERT_TRUE(std::equal(row.begin(), row.end(), values.begin() + static_cast<ptrdiff_t>(r * row.size())))
          << tensor.name << " row " << r;
    }
  }
}

TEST(Gguf, BundledModel) {
  const std::filesystem::path path = std::filesystem::path(PUMICE_MODELS_DIR) / "storyteller-5m-Q4_K_M.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the bundled model is absent";
  check_model(path);
}

TEST(Gguf, OptionalModels) {
  const std::filesystem::path shared = PUMICE_SHARED_DIR;
  size_t models = 0;
  for (const char* name :
       {"models/stories260K-F32.gguf", "models/stories260K-F16.gguf", "models/stories260K-Q4_0.gguf",
        "models/stories260K-Q5_1.gguf", "models/stories260K-Q8_0.gguf", "models/babyllama-tok361-Q4_K_M.gguf",
        "models/own/storyteller-5m-Q8_0.gguf", "fixtures/tokenizers/ggml-vocab-qwen2.gguf",
        "fixtures/tokenizers/ggml-vocab-llama-spm.gguf"}) {
    if (!std::filesystem::exists(shared / name)) continue;
    check_model(shared / name);
    ++models;
  }
  if (models == 0) GTEST_SKIP() << "none of the optional models is in " << shared;
}

TEST(Gguf, AnOldFileIsRefused) {
  const std::filesystem::path path = std::filesystem::path(PUMICE_SHARED_DIR) / "models/old-gguf-v1.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the optional file is not here: " << path;
  EXPECT_EQ(Gguf::open(path.string()).error().message,
            path.string() + ": this is a GGUF file of version 1, which is obsolete; convert the model again");
}

}  // namespace pumice::gguf_test

// CTranslate2's folders: the file's versions and types, what becomes of stacked and scaled matrices, and refusals.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "convert/convert.h"
#include "convert/ct2_file.h"
#include "convert/folders.h"
#include "support/temporary_folder.h"
#include "support/whole_gguf.h"

namespace pumice::test::ct2_test {

// Writes a model.bin of version 6.
class Ct2Writer {
 public:
  std::string spec = "TransformerSpec";
  uint32_t version = 6;

  void add(const std::string& name, const std::vector<uint32_t>& shape, const std::vector<float>& values) {
    add_bytes(name, shape, 0, {reinterpret_cast<const char*>(values.data()), 4 * values.size()});
  }
  void add_random(const std::string& name, const std::vector<uint32_t>& shape) {
    uint64_t count = 1;
    for (const uint32_t size : shape) count *= size;
    add(name, shape, random_floats(count, seed_of(name)));
  }
  void add_bytes(const std::string& name, const std::vector<uint32_t>& shape, uint8_t type, const std::string& bytes) {
    put_text(body_, name);
    body_ += static_cast<char>(shape.size());
    for (const uint32_t size : shape) put(body_, size);
    body_ += static_cast<char>(type);
    put(body_, static_cast<uint32_t>(bytes.size()));
    body_ += bytes;
    ++count_;
  }
  void alias(const std::string& name, const std::string& of) {
    put_text(aliases_, name);
    put_text(aliases_, of);
    ++alias_count_;
  }
  std::string finish() const {
    std::string file;
    put(file, version);
    put_text(file, spec);
    put(file, uint32_t{7});
    put(file, count_);
    file += body_;
    put(file, alias_count_);
    return file + aliases_;
  }

 private:
  template <typename T>
  static void put(std::string& to, T value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static void put_text(std::string& to, const std::string& text) {
    put(to, static_cast<uint16_t>(text.size() + 1));
    to += text + '\0';
  }

  std::string body_, aliases_;
  uint32_t count_ = 0, alias_count_ = 0;
};

constexpr uint32_t kWidth = 16, kInner = 24, kWords = 7;

// `eight_bits`: the matrices of the encoder as bytes with a divisor for each row.
Ct2Writer tiny_ct2(bool eight_bits = false) {
  Ct2Writer to;
  const auto linear = [&](const std::string& name, uint32_t rows, uint32_t columns) {
    to.add_random(name + "/bias", {rows});
    if (!eight_bits || !name.starts_with("encoder/layer")) return to.add_random(name + "/weight", {rows, columns});
    std::string bytes;
    for (uint32_t i = 0; i < rows * columns; ++i) bytes += static_cast<char>(i % 255 - 127);
    to.add_bytes(name + "/weight", {rows, columns}, 1, bytes);
    std::vector<float> scales;
    for (uint32_t row = 0; row < rows; ++row) scales.push_back(64.0f + static_cast<float>(row));
    to.add(name + "/weight_scale", {rows}, scales);
  };
  const auto norm = [&](const std::string& name) {
    to.add_random(name + "/gamma", {kWidth});
    to.add_random(name + "/beta", {kWidth});
  };
  for (const std::string side : {"encoder", "decoder"}) {
    const std::string layer = side + "/layer_0/";
    to.add_random(side + "/embeddings" + (side == "encoder" ? "_0" : "") + "/weight", {kWords, kWidth});
    norm(layer + "self_attention/layer_norm");
    linear(layer + "self_attention/linear_0", 3 * kWidth, kWidth);
    linear(layer + "self_attention/linear_1", kWidth, kWidth);
    if (side == "decoder") {
      norm(layer + "attention/layer_norm");
      linear(layer + "attention/linear_0", kWidth, kWidth);
      linear(layer + "attention/linear_1", 2 * kWidth, kWidth);
      linear(layer + "attention/linear_2", kWidth, kWidth);
    }
    norm(layer + "ffn/layer_norm");
    linear(layer + "ffn/linear_0", kInner, kWidth);
    linear(layer + "ffn/linear_1", kWidth, kInner);
    norm(side + "/layer_norm");
  }
  to.add_bytes("encoder/num_heads", {}, 1, "\x04");
  to.add_bytes("encoder/pre_norm", {}, 1, "\x01");
  to.add_bytes("encoder/activation", {}, 1, "\x02");
  to.add_random("decoder/projection/bias", {kWords});
  to.alias("decoder/projection/weight", "decoder/embeddings/weight");
  return to;
}

class Ct2Conversion {
 public:
  explicit Ct2Conversion(const Ct2Writer& writer, std::map<std::string, std::string> files = {}) {
    files.try_emplace("source_vocabulary.txt", "<blank>\n<s>\n</s>\na\nb\nc\n");  // <unk> is added
    files.try_emplace("target_vocabulary.txt", "<blank>\n<s>\n</s>\n<unk>\nx\ny\nz\n");
    for (const auto& [name, text] : files) write_text_file(folder_.file("model/" + name), text);
    write_text_file(folder_.file("model/model.bin"), writer.finish());
    const Result<ConvertOutcome> outcome =
        convert_model({.source = folder_.file("model/"), .target = folder_.file("out"), .type = ConvertType::kF32});
    if (!outcome) error_ = outcome.error().message;
    if (outcome) file_.emplace(std::move(test::whole_gguf(folder_.file("out")).value()));
  }
  const std::optional<Gguf>& file() const { return file_; }
  const std::string& error() const { return error_; }
  std::vector<float> values(const std::string& name) const {
    const GgufTensor* tensor = file_ ? file_->find_tensor(name) : nullptr;
    return tensor ? floats_of(*tensor) : std::vector<float>();
  }

 private:
  TemporaryFolder folder_;
  std::optional<Gguf> file_;
  std::string error_;
};

std::vector<float> part(const std::string& name, size_t all, size_t first, size_t count) {
  const std::vector<float> values = random_floats(all, seed_of(name));
  return {values.begin() + static_cast<ptrdiff_t>(first), values.begin() + static_cast<ptrdiff_t>(first + count)};
}

TEST(Ct2, TensorsAndKeys) {
  const Ct2Conversion made(tiny_ct2());
  ASSERT_TRUE(made.file()) << made.error();
  const Gguf& file = *made.file();
  EXPECT_EQ(file.tensors().size(), 4u + 16 + 26 + 4);
  const std::string stacked = "encoder/layer_0/self_attention/linear_0/weight";
  const size_t square = kWidth * kWidth;
  EXPECT_EQ(made.values("enc.blk.0.attn_q.weight"), part(stacked, 3 * square, 0, square));
  EXPECT_EQ(made.values("enc.blk.0.attn_v.weight"), part(stacked, 3 * square, 2 * square, square));
  EXPECT_EQ(made.values("dec.blk.0.cross_attn_v.bias"),
            part("decoder/layer_0/attention/linear_1/bias", 2 * kWidth, kWidth, kWidth));
  EXPECT_EQ(made.values("dec.output_norm.bias"), part("decoder/layer_norm/beta", kWidth, 0, kWidth));
  EXPECT_EQ(made.values("enc.token_embd.weight"),
            part("encoder/embeddings_0/weight", kWords * kWidth, 0, kWords * kWidth));
  EXPECT_FALSE(file.find_tensor("output.weight"));  // tied
  const std::vector<float> positions = made.values("position_embd.weight");
  ASSERT_EQ(positions.size(), 512u * kWidth);
  EXPECT_NEAR(positions[2 * kWidth + 3], std::sin(3 * std::pow(10000.0, -3.0 / 7)), 1e-6);  // row 0 is position 1
  EXPECT_EQ(file.get_string("marian.hidden_activation"), "silu");
  EXPECT_EQ(file.get_u32("marian.attention.head_count"), 4u);
  EXPECT_EQ(file.get_bool("marian.norm_first"), true);
  EXPECT_EQ(file.get_f32("marian.embedding_scale"), 4.0f);
  EXPECT_EQ(file.get_u32("marian.decoder_start_token_id"), 1u);
  EXPECT_EQ(file.get_u32("tokenizer.ggml.source.unknown_token_id"), 6u);
  EXPECT_EQ(file.get_u32("tokenizer.ggml.eos_token_id"), 2u);
}

TEST(Ct2, IntegersAreDividedByTheirRows) {
  const Ct2Conversion made(tiny_ct2(true));
  ASSERT_TRUE(made.file()) << made.error();
  const std::vector<float> values = made.values("enc.blk.0.attn_k.weight");
  ASSERT_EQ(values.size(), size_t{kWidth} * kWidth);
  for (uint32_t row = 0; row < kWidth; ++row)
    for (uint32_t column = 0; column < kWidth; ++column) {
      const uint32_t number = (kWidth + row) * kWidth + column;
      const float expected =
          static_cast<float>(static_cast<int>(number % 255) - 127) / static_cast<float>(64 + kWidth + row);
      EXPECT_EQ(values[row * kWidth + column], expected);
    }
}

TEST(Ct2, OneVocabularyAndOneTableAreOne) {
  Ct2Writer writer = tiny_ct2();
  const std::string vocabulary = R"(["<blank>", "<s>", "</s>", "<unk>", "x", "y", "z"])";
  EXPECT_TRUE(Ct2Conversion(writer, {{"source_vocabulary.json", vocabulary}, {"target_vocabulary.json", vocabulary}})
                  .file()
                  ->find_tensor("enc.token_embd.weight"));  // the tables differ
}

TEST(Ct2, RefusesWhatItDoesNotKnowByName) {
  const auto refused = [](const std::string& what, const std::function<void(Ct2Writer&)>& change) {
    Ct2Writer writer = tiny_ct2();
    change(writer);
    const Ct2Conversion made(writer);
    EXPECT_FALSE(made.file()) << what;
    EXPECT_NE(made.error().find(what), std::string::npos) << made.error();
  };
  refused("WhisperSpec", [](Ct2Writer& w) { w.spec = "WhisperSpec"; });
  refused("version 7", [](Ct2Writer& w) { w.version = 7; });
  refused("encoder/rotary_dim", [](Ct2Writer& w) { w.add("encoder/rotary_dim", {}, {64}); });
  refused("zeros", [](Ct2Writer& w) { w.add_bytes("decoder/start_from_zero_embedding", {}, 1, "\x01"); });
  refused("twice", [](Ct2Writer& w) { w.add_random("decoder/projection/bias", {kWords}); });
  refused("is none", [](Ct2Writer& w) { w.alias("x", "nothing"); });
  refused("another size", [](Ct2Writer& w) { w.add_bytes("x", {3}, 0, "12345678"); });
  refused("type 9", [](Ct2Writer& w) { w.add_bytes("x", {3}, 9, "123"); });
  const Ct2Conversion short_list(tiny_ct2(), {{"target_vocabulary.txt", "<s>\n</s>\n" + std::string(40, '\n') + "z"}});
  EXPECT_NE(short_list.error().find("shape"), std::string::npos) << short_list.error();
}

TEST(Ct2, EveryCutIsRefused) {
  const std::string file = tiny_ct2(true).finish();
  for (size_t size = 0; size < file.size(); size += size < 2000 ? 1 : 97)
    EXPECT_FALSE(Ct2File::read(Input::of_memory(std::as_bytes(std::span(file)).first(size))).ok()) << size;
  EXPECT_TRUE(Ct2File::read(Input::of_memory(std::as_bytes(std::span(file)))).ok());
}

}  // namespace pumice::test::ct2_test

// Real vocabularies: ids of 46 texts each, one text after the other, as llama.cpp gives them.
#include "engine/vocabulary.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "test_paths.h"
#include "text/control_names.h"
#include "text/tokenizer.h"

namespace pumice::vocabulary_test {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> texts_of(const std::string& content) {
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> texts;
  size_t begin = 0;
  for (size_t end; (end = content.find(separator, begin)) != std::string::npos; begin = end + separator.size()) {
    texts.push_back(content.substr(begin, end - begin));
  }
  if (begin < content.size()) texts.push_back(content.substr(begin));
  return texts;
}

std::vector<int32_t> ids_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<int32_t>(stream), std::istream_iterator<int32_t>()};
}

class Vocabulary : public ::testing::TestWithParam<const char*> {};

TEST_P(Vocabulary, AllTextsMatch) {
  const std::string path = std::string(PUMICE_SHARED_DIR "/fixtures/tokenizers/ggml-vocab-") + GetParam() + ".gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the optional vocabularies are not here: " << path;
  const auto file = Gguf::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message;
  auto data = read_tokenizer(*file);
  ASSERT_TRUE(data.ok()) << data.error().message;
  const auto tokenizer = Tokenizer::create(std::move(*data));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  const auto texts = texts_of(read_file(path + ".inp"));
  std::istringstream answers(read_file(path + ".out"));
  ASSERT_EQ(texts.size(), 46u);
  for (const std::string& text : texts) {
    std::string line;
    ASSERT_TRUE(std::getline(answers, line));
    EXPECT_EQ(tokenizer->encode(text, {.add_special = false}), ids_of(line)) << text;
    EXPECT_EQ(tokenizer->decode(ids_of(line)), text);
  }
}

// Whatever type the file gives them.
TEST_P(Vocabulary, NoTextGivesAControlToken) {
  const std::string path = std::string(PUMICE_SHARED_DIR "/fixtures/tokenizers/ggml-vocab-") + GetParam() + ".gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the optional vocabularies are not here: " << path;
  const auto file = Gguf::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message;
  for (const std::optional<TokenType> retyped : {std::optional<TokenType>(), std::optional(TokenType::kNormal)}) {
    auto data = read_tokenizer(*file);
    ASSERT_TRUE(data.ok()) << data.error().message;
    std::vector<int32_t> control;
    for (size_t i = 0; i < data->tokens.size() && i < data->token_types.size(); ++i) {
      if (data->token_types[i] != static_cast<int32_t>(TokenType::kControl)) continue;
      control.push_back(static_cast<int32_t>(i));
      if (retyped && is_control_name(data->tokens[i])) data->token_types[i] = static_cast<int32_t>(*retyped);
    }
    const auto tokenizer = Tokenizer::create(std::move(*data));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
    for (const int32_t id : control) {
      const std::string name(tokenizer->token_name(id));
      EXPECT_TRUE(tokenizer->is_control(id)) << name;
      for (const std::string& text : {name, "a" + name, " " + name + " b", name + name})
        for (const int32_t got : tokenizer->encode(text, {.add_special = false, .parse_special = false}))
          EXPECT_FALSE(tokenizer->is_control(got)) << text;
      EXPECT_EQ(tokenizer->encode(name, {.add_special = false}), std::vector<int32_t>{id});
    }
  }
}

std::string test_name(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(Shared, Vocabulary, ::testing::Values("deepseek-coder", "gpt-2", "llama-spm", "qwen2"),
                         test_name);

// A GGUF file of metadata alone, written the way the format's specification says.
class Writer {
 public:
  void text(const std::string& key, const std::string& value) { head(key, 8), put_text(value); }
  void u32(const std::string& key, uint32_t value) { head(key, 4), put(value); }
  void texts(const std::string& key, const std::vector<std::string>& values) {
    head(key, 9), put(uint32_t{8}), put(uint64_t{values.size()});
    for (const std::string& value : values) put_text(value);
  }
  void i32s(const std::string& key, const std::vector<int32_t>& values) {
    head(key, 9), put(uint32_t{5}), put(uint64_t{values.size()});
    for (const int32_t value : values) put(value);
  }
  std::string file() const {
    Writer header;
    header.bytes_ = "GGUF";
    header.put(uint32_t{3}), header.put(uint64_t{0}), header.put(count_);
    return header.bytes_ + bytes_;
  }

 private:
  template <typename T>
  void put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void put_text(const std::string& value) { put(uint64_t{value.size()}), bytes_ += value; }
  void head(const std::string& key, uint32_t type) { ++count_, put_text(key), put(type); }

  std::string bytes_;
  uint64_t count_ = 0;
};

Result<TokenizerData> read(const Writer& writer) {
  const std::string bytes = writer.file();
  PUMICE_ASSIGN(const Gguf file, Gguf::from_memory(std::as_bytes(std::span(bytes))));
  return read_tokenizer(file);
}

TEST(ReadTokenizer, FillsTheFields) {
  Writer writer;
  writer.text("tokenizer.ggml.model", "llama");
  writer.texts("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>"});
  writer.i32s("tokenizer.ggml.scores", {0, -1, -2});
  writer.u32("tokenizer.ggml.bos_token_id", 1);
  writer.u32("tokenizer.ggml.padding_token_id", 0xFFFFFFFFu);
  const auto data = read(writer);
  ASSERT_TRUE(data.ok()) << data.error().message;
  EXPECT_EQ(data->tokens.size(), 3u);
  EXPECT_EQ(data->scores, (std::vector<float>{0, -1, -2}));
  EXPECT_EQ(data->bos, 1);
  EXPECT_EQ(data->eos, std::nullopt);
  EXPECT_EQ(data->pad, 0xFFFFFFFFll);
  EXPECT_EQ(data->add_bos, std::nullopt);
}

TEST(ReadTokenizer, WarnsOfAMissingPreTokenizerAndKnowsPhi3) {
  Writer writer;
  writer.text("general.name", "My Phi-3 Mini");
  writer.text("tokenizer.ggml.model", "gpt2");
  writer.texts("tokenizer.ggml.tokens", {"a"});
  writer.texts("tokenizer.ggml.merges", {});
  const auto data = read(writer);
  ASSERT_TRUE(data.ok()) << data.error().message;
  EXPECT_TRUE(data->is_phi3);
  ASSERT_EQ(data->warnings.size(), 1u);
  EXPECT_NE(data->warnings[0].find("tokenizer.ggml.pre"), std::string::npos);
  writer.text("tokenizer.ggml.pre", "gpt-2");
  EXPECT_TRUE(read(writer)->warnings.empty());
}

TEST(ReadTokenizer, SaysWhatIsWrong) {
  Writer nothing;
  nothing.u32("general.file_type", 1);
  EXPECT_EQ(read(nothing).error().status, Status::kNotFound);
  Writer wrong_type;
  wrong_type.text("tokenizer.ggml.model", "llama");
  wrong_type.u32("tokenizer.ggml.tokens", 1);
  const auto result = read(wrong_type);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().status, Status::kMalformed);
  EXPECT_NE(result.error().message.find("tokenizer.ggml.tokens"), std::string::npos);
  Writer no_merges;
  no_merges.text("tokenizer.ggml.model", "gpt2");
  no_merges.texts("tokenizer.ggml.tokens", {"a"});
  EXPECT_EQ(read(no_merges).error().status, Status::kMalformed);
}

}  // namespace pumice::vocabulary_test

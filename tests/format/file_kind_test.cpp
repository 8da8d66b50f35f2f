// Files that are given in the place of a model are named, with what to do.
#include "format/file_kind.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "support/gguf_writer.h"

namespace pumice::test::file_kind_test {

std::string refusal(std::string_view content) {
  const Result<Gguf> file = Gguf::from_memory(std::as_bytes(std::span(content)));
  EXPECT_FALSE(file.ok());
  return file.ok() ? "" : file.error().message;
}

TEST(FileKind, OtherFormatsAreNamed) {
  using namespace std::string_literals;
  const struct {
    std::string content, says;
  } cases[] = {
      {"<!DOCTYPE html><html><head><title>404", "web page"},
      {"\n  <HTML lang=en>", "web page"},
      {"\xef\xbb\xbf<?xml version=\"1.0\"?><Error><Code>AccessDenied", "web page"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS pointer"},
      {"Entry not found", "text file, not a model: it starts with \"Entry not found\""},
      {"{\"error\":\"Access to model x is restricted\"}", "text file"},
      {"PK\x03\x04\x14\0\0\0"s, "zip archive"},
      {"\x80\x02}q\0."s, "Python pickle"},
      {"\x1f\x8b\x08\0\0\0"s, "gzip archive, not GGUF; unpack"},
      {"\xfd\x37zXZ\0\0"s, "xz archive"},
      {"\x28\xb5\x2f\xfd\x04\0"s, "zstd archive"},
      {"\x20\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\"}}           "s, "safetensors file"},
      {"lmgg\x01\0\0\0"s, "whisper.cpp"},
      {"algg\x01\0\0\0"s, "LoRA adapter"},
      {std::string(64, '\0'), "starts with zeros"},
      {"\x01\x02\x03\x04\x05"s, "starts with 01 02 03 04 instead of \"GGUF\""},
  };
  for (const auto& c : cases) EXPECT_NE(refusal(c.content).find(c.says), std::string::npos) << refusal(c.content);
}

// Controls and escapes of such a file do not reach whoever reads the message.
TEST(FileKind, TheBeginningIsShownPrintable) {
  const std::string message = refusal("text \x1b[2J\x07 and \n\t more of it, so that it is cut");
  for (const char c : message) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << message;
}

TEST(FileKind, AVocabularyHasNoWeights) {
  GgufWriter writer;
  const std::string tokens[] = {"a"};
  writer.string("general.architecture", "llama").strings("tokenizer.ggml.tokens", tokens);
  const std::vector<std::byte> bytes = writer.finish();
  const Result<Gguf> file = Gguf::from_memory(bytes);
  ASSERT_TRUE(file.ok());
  const Result<void> checked = check_is_model(*file);
  ASSERT_FALSE(checked.ok());
  EXPECT_NE(checked.error().message.find("only a vocabulary"), std::string::npos) << checked.error().message;
}

}  // namespace pumice::test::file_kind_test

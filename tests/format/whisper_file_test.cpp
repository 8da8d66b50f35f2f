// Whisper's model files: what a right one holds, and what is refused.
#include "format/whisper_file.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/whisper_writer.h"

namespace pumice::test::whisper_file_test {

void expect_refused(WhisperWriter writer, const std::string& part, Status status = Status::kMalformed) {
  const auto file = writer.finish();
  const auto parsed = read_whisper_file(file);
  ASSERT_FALSE(parsed.ok()) << part;
  EXPECT_EQ(parsed.error().status, status) << parsed.error().message;
  EXPECT_NE(parsed.error().message.find(part), std::string::npos) << parsed.error().message;
}

WrittenTensor& tensor(WhisperWriter& writer, const std::string& name) {
  return *std::ranges::find(writer.tensors, name, &WrittenTensor::name);
}

TEST(WhisperFile, HoldsWhatWasWritten) {
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kQ8_0, TensorType::kQ5_1}) {
    WhisperWriter writer(type);
    writer.file_type = 2007;
    const auto bytes = writer.finish();
    const auto file = read_whisper_file(bytes);
    ASSERT_TRUE(file.ok()) << file.error().message;
    EXPECT_EQ(file->sizes.vocabulary, 40u);
    EXPECT_EQ(file->sizes.text_layers, 1u);
    EXPECT_EQ(file->mel_filters.size(), 3u * 201 * 4);
    ASSERT_EQ(file->words.size(), 30u);
    EXPECT_EQ(file->words[9], "wwww");
    ASSERT_EQ(file->tensors.size(), 11u + 2 * 15 + 24);
    const WhisperTensor* found = file->find("decoder.blocks.0.cross_attn.key.weight");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->type, type);
    EXPECT_EQ(found->sizes, (std::array<uint64_t, 3>{64, 64, 1}));
    const WhisperTensor* last = file->find(writer.tensors.back().name);
    ASSERT_TRUE(last);
    EXPECT_EQ(last->data.data() + last->data.size(), bytes.data() + bytes.size());
    EXPECT_FALSE(file->find("decoder.blocks.0.cross_attn.key.bias"));
  }
}

TEST(WhisperFile, EveryCutIsRefused) {
  const auto bytes = WhisperWriter(TensorType::kQ8_0).finish();
  for (size_t size = 0; size < bytes.size(); size += size < 4000 ? 1 : 97)
    EXPECT_FALSE(read_whisper_file(std::span(bytes).first(size)).ok()) << size;
}

TEST(WhisperFile, RefusesWrongHeaders) {
  WhisperWriter writer;
  writer.magic = 0x46554747;
  expect_refused(writer, "no whisper.cpp model");
  writer = WhisperWriter();
  writer.file_type = 5;
  expect_refused(writer, "file type 5", Status::kUnsupported);
  writer = WhisperWriter();
  writer.frequencies = 257;
  expect_refused(writer, "257 frequencies");
  writer = WhisperWriter();
  writer.words = 41;
  expect_refused(writer, "41 words");
  for (const auto size : {&WhisperSizes::vocabulary, &WhisperSizes::audio_layers, &WhisperSizes::text_state})
    for (const uint32_t value : {0u, UINT32_MAX, 0x80000000u}) {
      writer = WhisperWriter();
      writer.sizes.*size = value;
      writer.words = 0;
      expect_refused(writer, "a size in the header");
    }
  writer = WhisperWriter();
  writer.sizes.audio_heads = 3;
  expect_refused(writer, "heads");
  writer = WhisperWriter();
  writer.tensors.clear();
  writer.sizes.text_layers = 1024;
  expect_refused(writer, "more than a file");
}

TEST(WhisperFile, RefusesWrongTensors) {
  WhisperWriter writer;
  writer.tensors.push_back(writer.tensors.front());
  expect_refused(writer, "twice");
  writer = WhisperWriter();
  writer.tensors.pop_back();
  expect_refused(writer, "is missing");
  writer = WhisperWriter();
  writer.tensors.push_back({"encoder.blocks.2.attn.key.bias\n", {64}});
  expect_refused(writer, "bias\\n is not one");
  writer = WhisperWriter();
  tensor(writer, "encoder.conv2.weight").sizes = {64, 64, 3};
  expect_refused(writer, "encoder.conv2.weight has not the shape");
  writer = WhisperWriter();
  tensor(writer, "decoder.ln.bias").type = TensorType::kF16;
  expect_refused(writer, "decoder.ln.bias has not the shape or type");
  writer = WhisperWriter();
  tensor(writer, "decoder.ln.bias").sizes = {64, 1, 1, 1};
  expect_refused(writer, "4 dimensions");
  writer = WhisperWriter();
  tensor(writer, "decoder.blocks.0.mlp.0.weight").type = TensorType::kIQ4_NL;
  expect_refused(writer, "of type 20", Status::kUnsupported);
  expect_refused(WhisperWriter(TensorType::kQ4_K), "whole blocks");
}

}  // namespace pumice::test::whisper_file_test

// GGUF files and whisper.cpp's in another type; and that a target is whole or not there.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "convert/convert.h"
#include "convert/folders.h"
#include "format/dequantize.h"
#include "support/gguf_writer.h"
#include "support/temporary_folder.h"
#include "support/whisper_writer.h"
#include "support/whole_gguf.h"

namespace pumice::test::convert_gguf_test {

std::string as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<ConvertOutcome> convert(const std::string& source, const std::string& target, ConvertType type) {
  return convert_model({.source = source, .target = target, .type = type});
}

// The layers of a llama, with a head of its own or not.
std::vector<std::byte> llama(uint32_t layers, uint64_t width, bool head, TensorType type = TensorType::kF16) {
  GgufWriter writer;
  writer.string("general.architecture", "llama").u32("llama.block_count", layers).u32("general.file_type", 1);
  writer.strings("some.names", std::vector<std::string>{"one", "two words", ""}).f32("a.number", 1.5f);
  const auto add = [&](const std::string& name, std::vector<uint64_t> dims, TensorType of) {
    const uint64_t values = dims[0] * (dims.size() > 1 ? dims[1] : 1);
    writer.tensor(name, dims, of, random_blocks(of, values, static_cast<uint32_t>(seed_of(name))));
  };
  add("token_embd.weight", {width, 6}, type);
  if (head) add("output.weight", {width, 6}, type);
  for (uint32_t i = 0; i < layers; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"})
      add(block + name + ".weight", {width, 3}, type);
    add(block + "attn_norm.weight", {width}, TensorType::kF32);
    add(block + "ffn_gate_inp.weight", {width, 2}, TensorType::kF32);
  }
  return writer.finish();
}

TensorType type_in(const Gguf& file, const std::string& name) {
  const GgufTensor* tensor = file.find_tensor(name);
  return tensor ? tensor->type : TensorType::kI64;
}

TEST(ConvertGguf, TypesAreThoseOfLlamaQuantize) {
  TemporaryFolder folder;
  write_text_file(folder.file("in.gguf"), as_text(llama(8, 256, true)));
  ASSERT_TRUE(convert(folder.file("in.gguf"), folder.file("out.gguf"), ConvertType::kQ4_K).ok());
  const Result<Gguf> out = test::whole_gguf(folder.file("out.gguf"));
  ASSERT_TRUE(out.ok()) << out.error().message;
  EXPECT_EQ(type_in(*out, "output.weight"), TensorType::kQ6_K);
  EXPECT_EQ(type_in(*out, "token_embd.weight"), TensorType::kQ4_K);
  // Of eight layers: the first and the last one, and every third between.
  for (uint32_t i = 0; i < 8; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    const TensorType more = i == 0 || i == 3 || i == 6 || i == 7 ? TensorType::kQ6_K : TensorType::kQ4_K;
    EXPECT_EQ(type_in(*out, block + "attn_v.weight"), more) << i;
    EXPECT_EQ(type_in(*out, block + "ffn_down.weight"), more) << i;
    EXPECT_EQ(type_in(*out, block + "attn_q.weight"), TensorType::kQ4_K) << i;
    EXPECT_EQ(type_in(*out, block + "attn_norm.weight"), TensorType::kF32) << i;
    EXPECT_EQ(type_in(*out, block + "ffn_gate_inp.weight"), TensorType::kF32) << i;
  }
}

TEST(ConvertGguf, FusedValuesAndEightExpertsHaveMoreBits) {
  TemporaryFolder folder;
  const auto type_of = [&](const std::string& name, uint32_t experts, ConvertType type) {
    GgufWriter writer;
    writer.string("general.architecture", "some").u32("some.block_count", 1).u32("some.expert_count", experts);
    writer.tensor(name, {256, 2}, TensorType::kF16, random_blocks(TensorType::kF16, 512, 1));
    write_text_file(folder.file("in.gguf"), as_text(writer.finish()));
    EXPECT_TRUE(convert(folder.file("in.gguf"), folder.file("out.gguf"), type).ok());
    return type_in(Gguf::open(folder.file("out.gguf")).value(), name);
  };
  EXPECT_EQ(type_of("blk.0.attn_qkv.weight", 0, ConvertType::kQ4_K), TensorType::kQ6_K);
  EXPECT_EQ(type_of("blk.0.attn_qkv.weight", 0, ConvertType::kQ4_0), TensorType::kQ4_0);
  EXPECT_EQ(type_of("blk.0.attn_v.weight", 8, ConvertType::kQ4_0), TensorType::kQ8_0);
  EXPECT_EQ(type_of("blk.0.attn_k.weight", 8, ConvertType::kQ4_K), TensorType::kQ8_0);
  EXPECT_EQ(type_of("blk.0.attn_output.weight", 8, ConvertType::kQ4_K), TensorType::kQ5_K);
  EXPECT_EQ(type_of("blk.0.attn_output.weight", 9, ConvertType::kQ4_K), TensorType::kQ4_K);
}

TEST(ConvertGguf, ProjectorsAreConvertedToo) {
  TemporaryFolder folder;
  GgufWriter writer;
  writer.string("general.architecture", "clip").string("general.type", "mmproj").u32("clip.vision.block_count", 1);
  const auto add = [&](const std::string& name, std::vector<uint64_t> dims) {
    uint64_t values = 1;
    for (const uint64_t size : dims) values *= size;
    writer.tensor(name, dims, TensorType::kF32, random_blocks(TensorType::kF32, values, 1));
  };
  add("v.patch_embd.weight", {14, 14, 3, 256});
  add("v.position_embd.weight", {256, 4});
  for (const char* name : {"attn_v", "ffn_down"}) add(std::string("v.blk.0.") + name + ".weight", {256, 4});
  add("v.blk.0.ln1.weight", {256});
  write_text_file(folder.file("in.gguf"), as_text(writer.finish()));
  ASSERT_TRUE(convert(folder.file("in.gguf"), folder.file("out.gguf"), ConvertType::kQ4_K).ok());
  const Result<Gguf> out = test::whole_gguf(folder.file("out.gguf"));
  ASSERT_TRUE(out.ok()) << out.error().message;
  EXPECT_EQ(type_in(*out, "v.blk.0.attn_v.weight"), TensorType::kQ4_K);
  EXPECT_EQ(type_in(*out, "v.blk.0.ffn_down.weight"), TensorType::kQ4_K);
  EXPECT_EQ(type_in(*out, "v.patch_embd.weight"), TensorType::kF16) << "rows of 14 fit no block";
  EXPECT_EQ(type_in(*out, "v.position_embd.weight"), TensorType::kF32);
  EXPECT_EQ(type_in(*out, "v.blk.0.ln1.weight"), TensorType::kF32);
}

TEST(ConvertGguf, RowsThatAreNoWholeBlocksTakeTheNextType) {
  TemporaryFolder folder;
  for (const auto& [width, usual, head] : {std::tuple(uint64_t{64}, TensorType::kQ5_0, TensorType::kQ8_0),
                                           std::tuple(uint64_t{44}, TensorType::kF16, TensorType::kF16)}) {
    write_text_file(folder.file("in.gguf"), as_text(llama(8, width, false)));
    ASSERT_TRUE(convert(folder.file("in.gguf"), folder.file("out.gguf"), ConvertType::kQ4_K).ok());
    const Result<Gguf> out = test::whole_gguf(folder.file("out.gguf"));
    ASSERT_TRUE(out.ok()) << out.error().message;
    EXPECT_EQ(type_in(*out, "token_embd.weight"), head) << width;  // the head, too
    EXPECT_EQ(type_in(*out, "blk.1.attn_v.weight"), usual) << width;
    EXPECT_EQ(type_in(*out, "blk.0.attn_v.weight"), head) << width;
  }
}

TEST(ConvertGguf, MetadataAndWhatStaysAreTheSameBytes) {
  TemporaryFolder folder;
  const std::vector<std::byte> file = llama(2, 256, true);
  write_text_file(folder.file("in.gguf"), as_text(file));
  const auto outcome = convert(folder.file("in.gguf"), folder.file("out.gguf"), ConvertType::kF16);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(outcome->kind, "llama");
  EXPECT_EQ(outcome->converted_tensors, 0u);
  EXPECT_EQ(outcome->bytes, std::filesystem::file_size(folder.file("out.gguf")));
  const Result<Gguf> in = Gguf::from_memory(file), out = test::whole_gguf(folder.file("out.gguf"));
  ASSERT_TRUE(out.ok()) << out.error().message;
  ASSERT_EQ(out->tensors().size(), in->tensors().size());
  for (size_t i = 0; i < in->tensors().size(); ++i) {
    EXPECT_EQ(out->tensors()[i].name, in->tensors()[i].name);
    EXPECT_TRUE(std::ranges::equal(out->tensors()[i].data, in->tensors()[i].data)) << i;
  }
  for (const GgufEntry& entry : in->metadata()) {
    const GgufValue* value = out->find(entry.key);
    ASSERT_TRUE(value) << entry.key;
    EXPECT_TRUE(std::ranges::equal(value->bytes, entry.value.bytes)) << entry.key;
  }
  EXPECT_EQ(out->get_u32("general.quantization_version"), 2u);
}

TEST(ConvertGguf, ValuesStayNear) {
  TemporaryFolder folder;
  for (const TensorType from : {TensorType::kF32, TensorType::kBF16, TensorType::kQ4_1, TensorType::kQ6_K}) {
    const std::vector<std::byte> file = llama(2, 256, true, from);
    write_text_file(folder.file("in.gguf"), as_text(file));
    const Result<Gguf> in = Gguf::from_memory(file);
    for (const auto& [type, number, most] :
         {std::tuple(ConvertType::kF32, 0u, 0.0), std::tuple(ConvertType::kF16, 1u, 5e-4),
          std::tuple(ConvertType::kQ8_0, 7u, 6e-3), std::tuple(ConvertType::kQ4_0, 2u, 0.11),
          std::tuple(ConvertType::kQ4_K, 15u, 0.11)}) {
      ASSERT_TRUE(convert(folder.file("in.gguf"), folder.file("out.gguf"), type).ok());
      const Result<Gguf> out = test::whole_gguf(folder.file("out.gguf"));
      ASSERT_TRUE(out.ok()) << out.error().message;
      EXPECT_EQ(out->get_u32("general.file_type"), number);
      for (const GgufTensor& tensor : in->tensors()) {
        const std::vector<float> before = fetch_values(*in, tensor).value();
        const std::vector<float> after = fetch_values(*out, *out->find_tensor(tensor.name)).value();
        double error = 0, squares = 0;
        for (size_t i = 0; i < before.size(); ++i) {
          error += std::pow(static_cast<double>(before[i]) - static_cast<double>(after[i]), 2);
          squares += std::pow(static_cast<double>(before[i]), 2);
        }
        EXPECT_LE(std::sqrt(error / squares), most) << tensor.name;
      }
    }
  }
}

TEST(ConvertGguf, RefusesWhatIsNoModelByName) {
  TemporaryFolder folder;
  const auto refused = [&](const std::string& text, const std::string& part) {
    write_text_file(folder.file("in.gguf"), text);
    const auto outcome = convert(folder.file("in.gguf"), folder.file("out.gguf"), ConvertType::kF16);
    ASSERT_FALSE(outcome.ok()) << part;
    EXPECT_NE(outcome.error().message.find(part), std::string::npos) << outcome.error().message;
    EXPECT_FALSE(std::filesystem::exists(folder.file("out.gguf")));
  };
  refused("", "");
  refused("PK\x03\x04 something", "");
  GgufWriter adapter;
  adapter.string("general.type", "adapter").string("general.architecture", "llama");
  refused(as_text(adapter.finish()), "adapter");
  GgufWriter far_apart;
  far_apart.string("general.architecture", "llama").alignment_key(1 << 20);
  far_apart.tensor("blk.0.attn_q.weight", {32, 1}, TensorType::kF32, std::vector<std::byte>(128));
  refused(as_text(far_apart.finish()), "alignment");
  GgufWriter nvfp4;
  nvfp4.string("general.architecture", "llama");
  nvfp4.tensor("blk.0.attn_q.weight", {64, 2}, TensorType::kNVFP4, std::vector<std::byte>(72));
  refused(as_text(nvfp4.finish()), "NVFP4");
  EXPECT_EQ(convert(folder.file("none"), folder.file("out.gguf"), ConvertType::kF16).error().status, Status::kNotFound);
}

TEST(ConvertWhisper, EveryTypeIsReadAgain) {
  TemporaryFolder folder;
  WhisperWriter writer(TensorType::kF16);
  writer.file_type = 1;
  const std::vector<std::byte> file = writer.finish();
  write_text_file(folder.file("in.bin"), as_text(file));
  const Result<WhisperFile> in = read_whisper_file(file);
  ASSERT_TRUE(in.ok()) << in.error().message;
  for (const auto& [type, matrices, number] :
       {std::tuple(ConvertType::kF32, TensorType::kF32, 0u), std::tuple(ConvertType::kF16, TensorType::kF16, 1u),
        std::tuple(ConvertType::kQ8_0, TensorType::kQ8_0, 2007u),
        std::tuple(ConvertType::kQ4_0, TensorType::kQ4_0, 2002u)}) {
    const auto outcome = convert(folder.file("in.bin"), folder.file("out.bin"), type);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    const std::string text = file_text(folder.file("out.bin"));
    const Result<WhisperFile> out = read_whisper_file(std::as_bytes(std::span(text)));
    ASSERT_TRUE(out.ok()) << out.error().message;
    uint32_t written = 0;
    std::memcpy(&written, text.data() + 44, 4);
    EXPECT_EQ(written, number);
    EXPECT_EQ(out->words, in->words);
    EXPECT_TRUE(std::ranges::equal(out->mel_filters, in->mel_filters));
    EXPECT_EQ(out->find("encoder.blocks.0.mlp.0.weight")->type, matrices);
    EXPECT_EQ(out->find("encoder.conv1.weight")->type, type == ConvertType::kF32 ? TensorType::kF32 : TensorType::kF16);
    EXPECT_TRUE(std::ranges::equal(out->find("decoder.ln.bias")->data, in->find("decoder.ln.bias")->data));
    if (type == ConvertType::kF16) {
      EXPECT_EQ(text, as_text(file));
    }
  }
  const auto outcome = convert(folder.file("in.bin"), folder.file("none.bin"), ConvertType::kQ4_K);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().status, Status::kUnsupported);
  EXPECT_NE(outcome.error().message.find("64 values"), std::string::npos) << outcome.error().message;
}

size_t files_in(const std::string& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(ConvertTarget, CancellingAnywhereLeavesTheFormerFileAlone) {
  TemporaryFolder folder;
  write_text_file(folder.file("in.gguf"), as_text(llama(2, 256, true)));
  write_text_file(folder.file("out.gguf"), "what was there");
  int calls = 0;
  float last = -1;
  ConvertRequest request{.source = folder.file("in.gguf"), .target = folder.file("out.gguf")};
  for (int stop = 0;; ++stop) {
    ASSERT_LT(stop, 1000);
    calls = 0;
    request.progress = [&](float fraction) {
      EXPECT_TRUE(fraction >= 0 && fraction <= 1);
      last = fraction;
      return calls++ != stop;
    };
    const auto outcome = convert_model(request);
    if (outcome.ok()) break;
    EXPECT_EQ(outcome.error().status, Status::kCancelled);
    EXPECT_EQ(file_text(folder.file("out.gguf")), "what was there") << stop;
    EXPECT_EQ(files_in(folder.file("")), 2u) << stop;
  }
  EXPECT_GT(calls, 15);
  EXPECT_EQ(last, 1);
  EXPECT_TRUE(Gguf::open(folder.file("out.gguf")).ok());
}

// Onto itself: the source is read to its end before its name is taken.
TEST(ConvertTarget, MayBeTheSource) {
  TemporaryFolder folder;
  write_text_file(folder.file("in.gguf"), as_text(llama(2, 256, true)));
  ASSERT_TRUE(convert(folder.file("in.gguf"), folder.file("once.gguf"), ConvertType::kQ8_0).ok());
  ASSERT_TRUE(convert(folder.file("in.gguf"), folder.file("in.gguf"), ConvertType::kQ8_0).ok());
  EXPECT_EQ(file_text(folder.file("in.gguf")), file_text(folder.file("once.gguf")));
}

TEST(ConvertTarget, FoldersAndMissingOnesAreRefused) {
  TemporaryFolder folder;
  write_text_file(folder.file("in.gguf"), as_text(llama(1, 256, true)));
  std::filesystem::create_directory(folder.file("folder"));
  EXPECT_EQ(convert(folder.file("in.gguf"), folder.file("folder"), ConvertType::kF16).error().status, Status::kIo);
  EXPECT_EQ(convert(folder.file("in.gguf"), folder.file("no/out.gguf"), ConvertType::kF16).error().status, Status::kIo);
}

}  // namespace pumice::test::convert_gguf_test

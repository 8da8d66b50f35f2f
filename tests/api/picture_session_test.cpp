// Sessions with pictures that are others than their tokens say, or elsewhere, or of another length, with a right sum.
#include <gtest/gtest.h>
#include <pumice/pumice.h>

#include <cstring>
#include <fstream>

#include "engine/session_format.h"
#include "support/temporary_folder.h"
#include "support/tower_model.h"

namespace pumice::test::picture_session_test {

// A session of one picture without keys and values, taken apart and written again.
struct Written {
  SessionHeader header;
  std::string digest, identity;
  std::vector<int32_t> tokens;
  uint32_t first = 0;
  Picture picture;

  explicit Written(const std::vector<uint8_t>& from) {
    const uint8_t* at = from.data();
    const auto take = [&at](void* to, size_t size) {
      std::memcpy(to, at, size);
      at += size;
    };
    take(&header, sizeof header);
    digest.resize(header.digest_bytes);
    identity.resize(header.identity_bytes);
    tokens.resize(header.tokens);
    take(digest.data(), digest.size());
    take(identity.data(), identity.size());
    take(tokens.data(), tokens.size() * sizeof(int32_t));
    take(&first, sizeof first);
    take(&picture.size, sizeof picture.size);
    picture.rgb.resize(3 * picture.size.pixels());
    take(picture.rgb.data(), picture.rgb.size());
  }
  std::vector<uint8_t> bytes() const {
    std::vector<uint8_t> all;
    const SessionSink sink = [&all](std::span<const std::byte> part) -> Result<void> {
      const auto* bytes = reinterpret_cast<const uint8_t*>(part.data());
      all.insert(all.end(), bytes, bytes + part.size());
      return {};
    };
    SessionWriter writer(sink);
    EXPECT_TRUE(writer.header(header, {.digest = digest, .identity = identity}, tokens).ok());
    EXPECT_TRUE(writer.picture(first, picture).ok());
    EXPECT_TRUE(writer.finish().ok());
    return all;
  }
};

class PictureSessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(pumice_instance_create(nullptr, &instance_), PUMICE_OK);
    if (pumice_device_create_auto(instance_, nullptr, &device_) != PUMICE_OK) GTEST_SKIP() << "no device";
    const std::vector<std::byte> text = make_picture_reader(), tower = make_tower_model({.projector = "mlp"});
    const std::string path = folder_.file("tower.gguf");
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(tower.data()), static_cast<std::streamsize>(tower.size()));
    PumiceModelOptions options = pumice_model_options_init();
    options.data = text.data();
    options.data_size = text.size();
    options.projector = path.c_str();
    ASSERT_EQ(pumice_model_load(instance_, device_, &options, &model_), PUMICE_OK);
    PumiceContextOptions with = pumice_context_options_init();
    with.context_tokens = 256;
    with.max_sequences = 3;
    ASSERT_EQ(pumice_context_create(model_, &with, &context_), PUMICE_OK);
  }
  void TearDown() override {
    pumice_context_destroy(context_);
    pumice_model_destroy(model_);
    pumice_device_destroy(device_);
    pumice_instance_destroy(instance_);
  }
  // Ten tokens, a picture, five tokens.
  std::vector<uint8_t> saved() {
    PumiceSequence* sequence = nullptr;
    EXPECT_EQ(pumice_sequence_create(context_, &sequence), PUMICE_OK);
    const std::vector<int32_t> before = reader_ids(10, 1), behind = reader_ids(5, 2);
    const std::vector<uint8_t> pixels = noise_pixels(size_t{3} * 40 * 30, 1);
    PumiceImage image = pumice_image_init();
    image.pixels = pixels.data();
    image.width = 40;
    image.height = 30;
    EXPECT_EQ(pumice_append_tokens(sequence, before.data(), before.size()), PUMICE_OK);
    EXPECT_EQ(pumice_append_image(sequence, &image, nullptr), PUMICE_OK);
    EXPECT_EQ(pumice_append_tokens(sequence, behind.data(), behind.size()), PUMICE_OK);
    std::vector<uint8_t> bytes;
    PumiceSessionOptions options = pumice_session_options_init();
    options.kv = PUMICE_SESSION_TOKENS;
    options.write_user = &bytes;
    options.write = [](void* user, const void* data, size_t size) -> int32_t {
      const auto* from = static_cast<const uint8_t*>(data);
      static_cast<std::vector<uint8_t>*>(user)->insert(static_cast<std::vector<uint8_t>*>(user)->end(), from,
                                                       from + size);
      return 0;
    };
    EXPECT_EQ(pumice_sequence_save(sequence, &options), PUMICE_OK);
    pumice_sequence_destroy(sequence);
    return bytes;
  }
  PumiceResult load(const std::vector<uint8_t>& bytes) {
    PumiceSessionSource source = pumice_session_source_init();
    source.data = bytes.data();
    source.data_size = bytes.size();
    PumiceSequence* loaded = nullptr;
    const PumiceResult code = pumice_sequence_load(context_, &source, &loaded);
    pumice_sequence_destroy(loaded);
    return code;
  }

  TemporaryFolder folder_;
  PumiceInstance* instance_ = nullptr;
  PumiceDevice* device_ = nullptr;
  PumiceModel* model_ = nullptr;
  PumiceContext* context_ = nullptr;
};

TEST_F(PictureSessionTest, DamageIsRefused) {
  const std::vector<uint8_t> whole = saved();
  EXPECT_EQ(load(whole), PUMICE_OK);
  for (size_t cut = 1; cut < 80; cut += 7) EXPECT_EQ(load({whole.begin(), whole.end() - cut}), PUMICE_MALFORMED);
  for (size_t at = 0; at < whole.size(); at += 97) {
    std::vector<uint8_t> damaged = whole;
    damaged[at] ^= 4;
    EXPECT_NE(load(damaged), PUMICE_OK) << at;
  }
}

TEST_F(PictureSessionTest, OtherPicturesAreRefused) {
  const std::vector<uint8_t> whole = saved();
  const auto changed = [&](auto change) {
    Written session(whole);
    change(session);
    return load(session.bytes());
  };
  EXPECT_EQ(changed([](Written&) {}), PUMICE_OK);
  EXPECT_EQ(changed([](Written& s) { s.picture.rgb[77] ^= 1; }), PUMICE_MALFORMED);
  EXPECT_EQ(changed([](Written& s) { s.first += 1; }), PUMICE_MALFORMED);
  EXPECT_EQ(changed([](Written& s) { s.first = UINT32_MAX; }), PUMICE_MALFORMED);
  EXPECT_EQ(changed([](Written& s) { s.tokens[12] += 1; }), PUMICE_MALFORMED);
  EXPECT_EQ(changed([](Written& s) { s.tokens[3] = -5; }), PUMICE_MALFORMED);
  EXPECT_EQ(changed([](Written& s) { s.tokens.back() = -5; }), PUMICE_MALFORMED);
  EXPECT_NE(changed([](Written& s) { s.picture.size = {s.picture.size.width * 2, s.picture.size.height / 2}; }),
            PUMICE_OK);
}

}  // namespace pumice::test::picture_session_test

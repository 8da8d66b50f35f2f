// attention with what a head has of its own, slopes, and with windows that move by chunks.
#include "kernels/attention_fixture.h"
#include "support/slice.h"

namespace pumice::test::attention_forms_test {

class AttentionFormsTest : public AttentionTest {
 protected:
  // Decode and prefill, in groups that do not fill a pass or a tile.
  void check_form(Mask mask, AttentionCase c) {
    const KvFormat mixed{KvType::kQ8_0, KvType::kQ4_0};
    c.format = mask == Mask::kDiscrete ? kF32 : mask == Mask::kShared ? mixed : kF16;
    c.kv_heads = 2, c.group = 3, c.head_dim = 16;
    c.positions = {0, 31, 32, 255, 256, 300, 767};
    check(mask, c);
    if (attention_appends(c.format)) check_append(mask, c);
    c.positions = consecutive(290, 45);
    c.one_sequence = true;
    check(mask, c);
  }
};

TEST_F(AttentionFormsTest, SlopesOfHeadsAndChunks) {
  for (const Mask mask : slice_of({Mask::kNone, Mask::kNewCompiler, Mask::kDiscrete, Mask::kShared, Mask::kIntel})) {
    use(mask);
    check_form(mask, {.slopes = true});
    for (const uint32_t chunk : {48u, 300u}) check_form(mask, {.window = chunk, .chunks = true});
  }
}

// Of each value only the first dimensions are wanted.
TEST_F(AttentionFormsTest, ValuesNarrowerThanKeys) {
  for (const Mask mask : {Mask::kNone, Mask::kNewCompiler, Mask::kDiscrete, Mask::kShared, Mask::kIntel}) {
    use(mask);
    check_form(mask, {.value_dim = 12});
    check(mask, {.format = kF16,
                 .kv_heads = 2,
                 .group = 2,
                 .head_dim = 64,
                 .positions = consecutive(0, 70),
                 .one_sequence = true,
                 .value_dim = 36});
  }
}

// Keys nearer and farther than the table reaches, before a row and behind it.
TEST_F(AttentionFormsTest, BiasesByDistance) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete, Mask::kShared, Mask::kIntel}) {
    use(mask);
    AttentionCase decode{
        .format = kF32, .kv_heads = 3, .group = 1, .head_dim = 16, .positions = {0, 5, 128, 129, 300}, .biases = true};
    check(mask, decode);
    if (mask != Mask::kIntel) check_append(mask, decode);
    AttentionCase texts = of_texts(decode, {7, 160, 33});
    check(mask, texts);
    texts.both_ways = true;
    check(mask, texts);
    texts.format = kF16;
    check(mask, texts);
  }
}

TEST_F(AttentionFormsTest, SlopesOfTextsBothWays) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete, Mask::kIntel}) {
    use(mask);
    AttentionCase c =
        of_texts({.format = kF16, .kv_heads = 2, .group = 1, .head_dim = 32, .slopes = true}, {5, 70, 33});
    c.both_ways = true;
    check(mask, c);
  }
}

}  // namespace pumice::test::attention_forms_test

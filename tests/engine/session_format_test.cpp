// Session files that were made to harm: the sum is right in all of them.
#include "engine/session_format.h"

#include <gtest/gtest.h>

#include <functional>

#include "support/session_files.h"

namespace pumice::session_format_test {

using test::session_bytes;
using test::session_for;
using test::session_source;
using test::SessionParts;

const SessionTarget kTarget{.digest = "digest",
                                .identity = "identity",
                                .vocabulary = 50,
                                .context_tokens = 128,
                                .page_bytes = 256,
                                .value_bytes = 2};

Result<SessionContent> parse(const SessionParts& parts, const SessionTarget& target = kTarget) {
  return parse_session(session_source(session_bytes(parts)), target);
}
Status refused(const SessionParts& parts, const SessionTarget& target = kTarget) {
  const Result<SessionContent> content = parse(parts, target);
  return content ? Status::kOk : content.error().status;
}

TEST(SessionFormat, WholeSessionsAreRead) {
  for (const SessionKv kv : {SessionKv::kExact, SessionKv::kQ8, SessionKv::kTokens}) {
    for (const uint32_t tokens : {0u, 1u, 31u, 32u, 33u, 128u}) {
      const std::vector<std::byte> bytes = session_bytes(session_for(kTarget, kv, tokens, tokens));
      const Result<SessionContent> content = parse_session(session_source(bytes), kTarget);
      ASSERT_TRUE(content) << content.error().message;
      EXPECT_EQ(content->tokens.size(), tokens);
      EXPECT_EQ(content->computed, kv == SessionKv::kTokens ? 0 : tokens);
      for (uint32_t i = 0; i < session_pages(content->computed); ++i)
        EXPECT_EQ(read_session_page(session_source(bytes), *content, i).value().size(), kTarget.page_bytes);
      EXPECT_FALSE(read_session_page(session_source(bytes), *content, session_pages(content->computed)));
    }
  }
}

TEST(SessionFormat, AStateIsOfTheCachesSize) {
  SessionTarget target = kTarget;
  target.bytes_beside = [](uint32_t) { return 40; };
  SessionParts parts = session_for(target, SessionKv::kExact, 40, 33);
  const std::vector<std::byte> bytes = session_bytes(parts);
  const Result<SessionContent> content = parse_session(session_source(bytes), target);
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(read_session_beside(session_source(bytes), *content).value(), parts.state);
  EXPECT_EQ(refused(parts), Status::kMalformed) << "a model without states";
  EXPECT_EQ(refused(session_for(kTarget, SessionKv::kExact, 40, 33), target), Status::kMalformed);
  EXPECT_EQ(refused(session_for(kTarget, SessionKv::kTokens, 40, 0), target), Status::kOk);
  parts.header.bytes_beside = UINT64_MAX - 8;
  EXPECT_EQ(refused(parts, target), Status::kMalformed);
}

TEST(SessionFormat, WhatItWritesItReads) {
  std::vector<std::byte> bytes;
  const SessionSink sink = [&](std::span<const std::byte> part) -> Result<void> {
    bytes.insert(bytes.end(), part.begin(), part.end());
    return {};
  };
  const SessionParts parts = session_for(kTarget, SessionKv::kExact, 40, 33);
  SessionWriter writer(sink);
  ASSERT_TRUE(writer.header(parts.header, kTarget, parts.tokens));
  for (const auto& page : parts.pages) ASSERT_TRUE(writer.page(parts.header, page));
  ASSERT_TRUE(writer.finish());
  EXPECT_EQ(bytes, session_bytes(parts));
}

TEST(SessionFormat, LyingHeadersAreRefused) {
  struct Lie {
    const char* what;
    std::function<void(SessionParts&)> tell;
  };
  const Lie lies[] = {
      {"no pages", [](SessionParts& p) { p.header.pages = 0, p.pages.clear(); }},
      {"a page less", [](SessionParts& p) { p.header.pages = 1, p.pages.resize(1); }},
      {"a page more", [](SessionParts& p) { p.header.pages = 3, p.pages.push_back(p.pages[0]); }},
      {"more computed than pages",
       [](SessionParts& p) { p.header.computed = 65, p.header.tokens = 65, p.tokens.resize(65); }},
      {"more computed than tokens", [](SessionParts& p) { p.header.computed = 41; }},
      {"computed of 2^32-1", [](SessionParts& p) { p.header.computed = UINT32_MAX; }},
      {"fewer bytes a value", [](SessionParts& p) { p.header.value_bytes = 1; }},
      {"more bytes a value", [](SessionParts& p) { p.header.value_bytes = 4; }},
      {"no bytes a value", [](SessionParts& p) { p.header.value_bytes = 0; }},
      {"an unknown encoding", [](SessionParts& p) { p.header.kv = static_cast<SessionKv>(3); }},
      {"pages of tokens alone", [](SessionParts& p) { p.header.kv = SessionKv::kTokens; }},
      {"q8 of a byte a value",
       [](SessionParts& p) {
         p.header.kv = SessionKv::kQ8, p.header.value_bytes = 1, p.header.stored_bytes = 256 / 32 * 34;
         for (auto& page : p.pages) page.resize(p.header.stored_bytes);
       }},
      {"q8 of four bytes a value",
       [](SessionParts& p) {
         p.header.kv = SessionKv::kQ8, p.header.value_bytes = 4, p.header.stored_bytes = 256 / 4 / 32 * 34;
         for (auto& page : p.pages) page.resize(p.header.stored_bytes);
       }},
      {"smaller pages",
       [](SessionParts& p) {
         p.header.page_bytes = p.header.stored_bytes = 128;
         for (auto& page : p.pages) page.resize(128);
       }},
      {"stored sizes of its own", [](SessionParts& p) { p.header.stored_bytes = 128; }},
      {"sizes that overflow",
       [](SessionParts& p) { p.header.page_bytes = p.header.stored_bytes = uint64_t{1} << 63, p.pages.clear(); }},
      {"dropped that overflows", [](SessionParts& p) { p.header.dropped = UINT64_MAX; }},
      {"a token below 0", [](SessionParts& p) { p.tokens[3] = -1; }},
      {"a token beyond the vocabulary", [](SessionParts& p) { p.tokens[3] = 50; }},
      {"a longer digest", [](SessionParts& p) { p.header.digest_bytes = 1u << 20; }},
      {"bytes at the end", [](SessionParts& p) { p.pages.emplace_back(8); }},
      {"another beginning", [](SessionParts& p) { p.header.magic ^= 1; }},
  };
  for (const Lie& lie : lies) {
    SessionParts parts = session_for(kTarget, SessionKv::kExact, 40, 40);
    lie.tell(parts);
    const Result<SessionContent> content = parse(parts);
    ASSERT_FALSE(content) << lie.what;
    EXPECT_EQ(content.error().status, Status::kMalformed) << lie.what << ": " << content.error().message;
    EXPECT_EQ(content.error().message.find('\n'), std::string::npos);
  }
}

TEST(SessionFormat, WhatDoesNotFitIsSaid) {
  SessionParts parts = session_for(kTarget, SessionKv::kExact, 40, 40);
  SessionTarget small = kTarget;
  small.context_tokens = 39;
  EXPECT_EQ(refused(parts, small), Status::kContextFull);
  parts.header.version = SessionHeader::kWithPictures + 1;
  EXPECT_EQ(refused(parts), Status::kUnsupported);
  parts = session_for(kTarget, SessionKv::kExact, 40, 40);
  parts.digest = "digesT";
  EXPECT_EQ(refused(parts), Status::kUnsupported);
}

// Pages of another cache are not read, whatever their size.
TEST(SessionFormat, PagesOfAnotherCacheAreLeftOut) {
  SessionTarget other = kTarget;
  other.identity = "another";
  other.page_bytes = 512;
  const Result<SessionContent> content = parse(session_for(other, SessionKv::kExact, 40, 40));
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->tokens.size(), 40u);
  EXPECT_EQ(content->computed, 0u);
}

TEST(SessionFormat, DamageAnywhereIsFound) {
  const std::vector<std::byte> good = session_bytes(session_for(kTarget, SessionKv::kExact, 40, 33));
  for (size_t at = 0; at < good.size(); ++at) {
    std::vector<std::byte> bad = good;
    bad[at] ^= std::byte{1};
    EXPECT_FALSE(parse_session(session_source(bad), kTarget)) << at;
  }
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parse_session(session_source(std::span(good).first(size)), kTarget)) << size;
}

// A source that fails, at each of its reads.
TEST(SessionFormat, FailedReadsAreErrors) {
  const std::vector<std::byte> bytes = session_bytes(session_for(kTarget, SessionKv::kExact, 40, 33));
  for (int failing = 0;; ++failing) {
    int reads = 0;
    SessionSource source = session_source(bytes);
    const auto whole = source.read;
    source.read = [&](uint64_t at, std::span<std::byte> to) -> Result<void> {
      if (reads++ == failing) return error(Status::kIo, "the disk is gone");
      return whole(at, to);
    };
    const Result<SessionContent> content = parse_session(source, kTarget);
    if (reads <= failing) {
      EXPECT_TRUE(content);
      EXPECT_GT(failing, 4);
      break;
    }
    ASSERT_FALSE(content) << failing;
    EXPECT_EQ(content.error().message, "the disk is gone");
  }
}

}  // namespace pumice::session_format_test

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "coordination/jute/records.h"
#include "coordination/jute/txn.h"
#include "coordination/server/adler32.h"
#include "coordination/server/path.h"
#include "coordination/server/session_tracker.h"
#include "coordination/server/sha1.h"

namespace ottla::coordination {
namespace {

using namespace jute;
using namespace std::string_literals;

std::vector<uint8_t> bytes_of(const Writer& writer) {
  return {writer.buffer().begin(), writer.buffer().end()};
}

Txn sample_multi() {
  Txn txn{{0x1000007e99e0000, 7, 0x19, 1'700'000'000'000, kMulti}, {}};
  MultiTxn multi;
  multi.parts.push_back({kCreate, CreateTxn{"/a", "data", open_acl(), true, 3, -1}});
  multi.parts.push_back({kCreateContainer, CreateTxn{"/c", std::nullopt, open_acl(), false, 4, -1}});
  multi.parts.push_back({kDelete, DeleteTxn{"/b"}});
  multi.parts.push_back({kSetData, SetDataTxn{"/a", "more", 2}});
  multi.parts.push_back({kCheck, CheckTxn{"/a", 3}});
  multi.parts.push_back({kError, ErrorTxn{-2}});
  txn.body = std::move(multi);
  return txn;
}

TEST(Jute, ATransactionComesBackAsItWasWritten) {
  std::vector<Txn> txns{sample_multi()};
  txns.push_back({{1, 0, 1, 5, kCreateSession}, CreateSessionTxn{6000}});
  txns.push_back({{1, 0, 2, 5, kCloseSession}, CloseSessionTxn{{"/a", "/b"}}});
  txns.push_back({{1, 2, 3, 5, kSetAcl}, SetAclTxn{"/a", {Acl{1, "digest", "u:x"}}, 4}});
  txns.push_back({{1, 2, 4, 5, kCreateTtl}, CreateTxn{"/t", "x", open_acl(), false, 1, 1000}});
  for (const Txn& txn : txns) {
    Writer first;
    encode_txn(first, txn);
    Reader reader(first.buffer());
    const Txn read = decode_txn(reader);
    ASSERT_TRUE(reader.ok()) << reader.error();
    EXPECT_EQ(reader.remaining(), 0u);
    Writer second;
    encode_txn(second, read);
    EXPECT_EQ(bytes_of(first), bytes_of(second));
  }
}

TEST(Jute, ATransactionCutShortAtAnyByteIsAnErrorAndNoCrash) {
  Writer writer;
  encode_txn(writer, sample_multi());
  for (size_t cut = 0; cut < writer.buffer().size(); ++cut) {
    Reader reader(writer.buffer().first(cut));
    static_cast<void>(decode_txn(reader));
    EXPECT_FALSE(reader.ok()) << cut;
  }
}

TEST(Jute, ACloseSessionOfZooKeeper35HasNoBody) {
  Writer writer;
  encode_txn(writer, {{9, 0, 2, 5, kCloseSession}, CloseSessionTxn{}});
  Reader reader(writer.buffer().first(writer.buffer().size() - 4));
  EXPECT_TRUE(std::get<CloseSessionTxn>(decode_txn(reader).body).paths.empty());
  EXPECT_TRUE(reader.ok());
}

TEST(Jute, AConnectRequestWithoutItsReadOnlyByteIsFromAnOldClient) {
  Writer writer;
  ConnectRequest{0, 1, 2, 3, "password", std::nullopt}.encode(writer);
  Reader reader(writer.buffer());
  EXPECT_FALSE(ConnectRequest::decode(reader).read_only.has_value());
  EXPECT_TRUE(reader.ok());
}

TEST(Jute, ACountThatTheBytesCannotHoldIsRefused) {
  Writer writer;
  writer.int32(0x7fffffff);
  Reader strings(writer.buffer());
  EXPECT_TRUE(read_strings(strings).empty());
  EXPECT_FALSE(strings.ok());
  Reader acl(writer.buffer());
  EXPECT_TRUE(read_acl(acl).empty());
  EXPECT_FALSE(acl.ok());
}

TEST(Adler32, MatchesTheReferenceValues) {
  const auto of = [](const std::string& text) {
    return adler32({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  EXPECT_EQ(of(""), 1u);
  EXPECT_EQ(of("Wikipedia"), 0x11e60398u);
  EXPECT_EQ(of(std::string(100'000, '\xff')), 0x149a302cu) << "as java.util.zip.Adler32 has it";
}

TEST(Sha1, MatchesTheReferenceValues) {
  const auto hex = [](const std::string& text) {
    std::string out;
    for (const uint8_t byte : sha1(text)) {
      char digits[3];
      snprintf(digits, sizeof digits, "%02x", byte);
      out += digits;
    }
    return out;
  };
  EXPECT_EQ(hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(std::string(1000, 'a')), "291e9a6c66994949b57ba5e650361e98fc36b1ba");
}

TEST(SessionPassword, IsTheOneThatZooKeeperMakes) {
  // new java.util.Random(0x1000007e99e0000L ^ 0xB3415C00L).nextBytes(new byte[16])
  const std::string expected = "\x00\x26\x54\xa3\x8d\x5f\x8d\xf9\xde\x28\x07\x49\x1e\x23\x0e\x4d"s;
  EXPECT_EQ(session_password(0x1000007e99e0000), expected);
}

TEST(Path, IsJudgedAsZooKeeperJudgesIt) {
  for (const char* good : {"/", "/a", "/a/b", "/a.b", "/...", "/.a", "/a..", "/\xc3\xa4", "/\xef\xa4\x80"}) {
    EXPECT_EQ(path_problem(good), nullptr) << good;
  }
  for (const char* bad : {"", "a", "/a/", "//", "/a//b", "/.", "/..", "/a/./b", "/a/..", "/\x01", "/a\x7f",
                          "/\xc2\x80", "/\xee\x80\x80", "/\xff", "/\xf0\x9f\x98\x80", "/\xef\xbf\xb0"}) {
    EXPECT_NE(path_problem(bad), nullptr) << bad;
  }
  EXPECT_NE(path_problem(std::string_view("/a\0b", 4)), nullptr);
}

}  // namespace
}  // namespace ottla::coordination

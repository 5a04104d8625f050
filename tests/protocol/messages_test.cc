// SPDX-License-Identifier: Apache-2.0
// Every message at every version: what the generated code decodes and encodes is what the spec says.
#include <gtest/gtest.h>

#include <map>

#include "protocol/generated/api_keys.h"
#include "tests/protocol/message_registry.h"
#include "tests/protocol/random_message.h"

namespace ottla::protocol {
namespace {

constexpr uint64_t kSeeds = 12;

class MessagesTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::vector<std::string> errors;
    messages_ = generator::load_messages(GetParam(), errors);
    ASSERT_TRUE(errors.empty()) << errors[0];
    const bool synthetic = std::string(GetParam()) == OTTLA_SYNTHETIC_SPECS;
    const auto parts = synthetic ? std::vector{&synthetic_part_0()}
                                 : std::vector{&registry_part_0(), &registry_part_1(), &registry_part_2(),
                                               &registry_part_3()};
    for (const auto* part : parts) {
      for (const MessageEntry& entry : *part) entries_[entry.name] = &entry;
    }
    ASSERT_EQ(entries_.size(), messages_.size());
  }

  // Calls `check` with bytes of each message at each of its versions.
  template <typename Check>
  void for_each_message(uint64_t seeds, Check check) {
    for (const generator::Message& message : messages_) {
      const MessageEntry& entry = *entries_.at(message.name);
      for (int version = message.versions.lowest; version <= message.versions.highest; ++version) {
        for (uint64_t seed = 0; seed < seeds; ++seed) {
          SCOPED_TRACE(message.name + " version " + std::to_string(version) + " seed " +
                       std::to_string(seed));
          Writer writer;
          RandomMessage(message, version, seed).write(writer);
          check(entry, static_cast<int16_t>(version), writer.buffer());
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }

  std::vector<generator::Message> messages_;
  std::map<std::string, const MessageEntry*> entries_;
};

std::vector<uint8_t> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

TEST_P(MessagesTest, DecodeAndEncodeGiveBackTheBytes) {
  for_each_message(kSeeds, [](const MessageEntry& entry, int16_t version, Bytes bytes) {
    Writer again;
    size_t consumed = 0;
    ASSERT_TRUE(entry.reencode(bytes, version, again, consumed));
    EXPECT_EQ(consumed, bytes.size());
    EXPECT_EQ(copy(again.buffer()), copy(bytes));
  });
}

TEST_P(MessagesTest, BytesAfterTheMessageAreLeftAlone) {
  for_each_message(1, [](const MessageEntry& entry, int16_t version, Bytes bytes) {
    std::vector<uint8_t> longer = copy(bytes);
    longer.push_back(0xff);
    Writer again;
    size_t consumed = 0;
    ASSERT_TRUE(entry.reencode(longer, version, again, consumed));
    EXPECT_EQ(consumed, bytes.size());
  });
}

TEST_P(MessagesTest, MessagesCutShortAnywhereAreErrors) {
  for_each_message(2, [](const MessageEntry& entry, int16_t version, Bytes bytes) {
    for (size_t length = 0; length < bytes.size(); ++length) {
      // A copy of exactly that length, so that a sanitizer sees a read beyond it.
      const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(length));
      Writer again;
      size_t consumed = 0;
      ASSERT_FALSE(entry.reencode(cut, version, again, consumed)) << "cut to " << length;
    }
  });
}

TEST_P(MessagesTest, DamagedMessagesAreSafe) {
  std::mt19937_64 random(7);
  for_each_message(4, [&](const MessageEntry& entry, int16_t version, Bytes bytes) {
    if (bytes.empty()) return;
    for (int i = 0; i < 8; ++i) {
      std::vector<uint8_t> damaged = copy(bytes);
      damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
      damaged[random() % damaged.size()] = static_cast<uint8_t>(random() % 2 == 0 ? 0xff : 0x7f);
      Writer again;
      size_t consumed = 0;
      static_cast<void>(entry.reencode(damaged, version, again, consumed));
      ASSERT_LE(consumed, damaged.size());
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Specs, MessagesTest, testing::Values(OTTLA_MESSAGE_SPECS, OTTLA_SYNTHETIC_SPECS),
                         [](const auto& info) { return info.index == 0 ? "Kafka" : "Synthetic"; });

TEST(ApiKeys, TheTableIsInTheOrderOfKeys) {
  int16_t last = -1;
  for (const ApiInfo& api : kApis) {
    EXPECT_GT(static_cast<int16_t>(api.key), last);
    last = static_cast<int16_t>(api.key);
    EXPECT_EQ(find_api(last), &api);
  }
  EXPECT_EQ(find_api(-1), nullptr);
  EXPECT_EQ(find_api(9999), nullptr);
  EXPECT_STREQ(find_api(0)->name, "Produce");
  EXPECT_EQ(find_api(1)->highest_version, 18);
}

TEST(ApiKeys, HeaderVersionsFollowTheFirstFlexibleVersion) {
  EXPECT_EQ(request_header_version(ApiKey::kProduce, 8), 1);
  EXPECT_EQ(request_header_version(ApiKey::kProduce, 9), 2);
  EXPECT_EQ(response_header_version(ApiKey::kProduce, 8), 0);
  EXPECT_EQ(response_header_version(ApiKey::kProduce, 9), 1);
  EXPECT_EQ(request_header_version(ApiKey::kSaslHandshake, 1), 1);
  EXPECT_EQ(response_header_version(ApiKey::kSaslHandshake, 1), 0);
  EXPECT_EQ(request_header_version(ApiKey::kApiVersions, 3), 2);
  EXPECT_EQ(response_header_version(ApiKey::kApiVersions, 3), 0);
  EXPECT_EQ(request_header_version(ApiKey::kControlledShutdown, 0), 0);
  EXPECT_EQ(request_header_version(ApiKey::kControlledShutdown, 1), 1);
}

}  // namespace
}  // namespace ottla::protocol

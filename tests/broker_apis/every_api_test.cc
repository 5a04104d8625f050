// SPDX-License-Identifier: Apache-2.0
// Every API that the specs know, at every version: it is offered, or refused in its own response.
#include <map>

#include "protocol/generated/api_keys.h"
#include "tests/broker_apis/api_fixture.h"
#include "tests/protocol/message_registry.h"
#include "tests/protocol/random_message.h"

namespace ottla {
namespace {

using protocol::ApiInfo;
using protocol::MessageEntry;

constexpr uint64_t kSeeds = 25;

bool holds(Bytes bytes, int16_t value) {
  for (size_t i = 0; i + 1 < bytes.size(); ++i) {
    if (bytes[i] == 0 && bytes[i + 1] == value) return true;
  }
  return false;
}

class EveryApiTest : public ApiTest {
 protected:
  EveryApiTest() {
    std::vector<std::string> errors;
    for (auto& message : generator::load_messages(OTTLA_MESSAGE_SPECS, errors)) {
      if (message.kind == "request") requests_.emplace(*message.key, std::move(message));
    }
    for (const auto* part : {&protocol::registry_part_0(), &protocol::registry_part_1(),
                             &protocol::registry_part_2(), &protocol::registry_part_3()}) {
      for (const MessageEntry& entry : *part) entries_[entry.name] = &entry;
    }
  }

  // Sends a random request. Whether its answer, read whole, says UNSUPPORTED_VERSION; none: the connection
  // was closed.
  std::optional<bool> refused(const ApiInfo& api, int16_t version, uint64_t seed) {
    Writer body;
    protocol::RandomMessage(requests_.at(static_cast<int>(api.key)), version, seed).write(body);
    send_raw(static_cast<int16_t>(api.key), version, body.buffer(),
             protocol::request_header_version(api.key, version));
    const auto frame = next_frame();
    if (!frame) return std::nullopt;
    const Bytes answer = Bytes(*frame).subspan(protocol::response_header_version(api.key, version) + 4);
    Writer again;
    size_t consumed = 0;
    EXPECT_TRUE(entries_.at(std::string(api.name) + "Response")->reencode(answer, version, again, consumed));
    EXPECT_EQ(consumed, answer.size());
    return holds(answer, wire(ErrorCode::UNSUPPORTED_VERSION));
  }
  // Whether one of many random requests was refused by name; every one has to be answered.
  bool is_refused(const ApiInfo& api, int16_t version) {
    bool one = false;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const std::optional<bool> said = refused(api, version, seed);
      if (!said || closed()) return false;
      one = one || *said;
    }
    return one;
  }

 private:
  std::map<int, generator::Message> requests_;
  std::map<std::string, const MessageEntry*> entries_;
};

TEST_F(EveryApiTest, IsOfferedOrRefusedInItsOwnResponse) {
  int offered = 0;
  int refused = 0;
  for (const ApiInfo& api : protocol::kApis) {
    const ApiRow* row = ottla::find_api(static_cast<int16_t>(api.key));
    for (int16_t version = api.lowest_version; version <= api.highest_version; ++version) {
      SCOPED_TRACE(std::string(api.name) + " version " + std::to_string(version));
      if (row != nullptr) {
        EXPECT_TRUE(version >= row->min_version && version <= row->max_version);
        ++offered;
        continue;
      }
      EXPECT_TRUE(is_refused(api, version));
      if (closed()) connect();
      ++refused;
    }
  }
  std::printf("%d versions of APIs are offered, %d answered with UNSUPPORTED_VERSION, none closed\n", offered,
              refused);
}

TEST_F(EveryApiTest, AVersionThatNoSpecKnowsClosesTheConnection) {
  for (const ApiInfo& api : protocol::kApis) {
    if (api.key == protocol::ApiKey::kApiVersions) continue;
    for (const int version : {api.lowest_version - 1, api.highest_version + 1}) {
      send_raw(static_cast<int16_t>(api.key), static_cast<int16_t>(version), {}, 1);
      EXPECT_TRUE(closed()) << api.name << " version " << version;
      connect();
    }
  }
}

TEST_F(EveryApiTest, ABodyThatCannotBeReadClosesTheConnection) {
  const std::vector<uint8_t> body = {0xff, 0xff};
  send_raw(static_cast<int16_t>(protocol::ApiKey::kCreateAcls), 1, body, 1);
  EXPECT_TRUE(closed());
}

}  // namespace
}  // namespace ottla

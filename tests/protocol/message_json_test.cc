// SPDX-License-Identifier: Apache-2.0
// JSON by the tables. That it is Kafka's JSON is shown by compat/golden; here: every kind of field, what is
// wrong and where, and that tables and generated code agree on which bytes are a message.
#include "protocol/json/message_json.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "protocol/generated/synthetic_all_request.h"
#include "tests/protocol/message_registry.h"
#include "tests/protocol/random_message.h"

namespace ottla::protocol {

const SchemaTable& synthetic_schemas();

namespace {

using Json = nlohmann::ordered_json;

Bytes view_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

struct Converted {
  std::optional<Json> json;
  size_t end = 0;
  MessageError error;
};

Converted convert(const SchemaTable& table, std::string_view name, int16_t version, Bytes bytes,
                  JsonOptions options = {}) {
  Converted result;
  result.json = message_to_json(table, *table.find(name), version, bytes, result.end, options, result.error);
  return result;
}

template <typename M>
Json json_of(const M& message, int16_t version, JsonOptions options = {}) {
  Writer writer;
  message.encode(writer, version);
  const Converted result =
      convert(synthetic_schemas(), "SyntheticAllRequest", version, writer.buffer(), options);
  EXPECT_TRUE(result.json) << result.error.text();
  return result.json.value_or(Json());
}

TEST(MessageJson, ShowsEachTypeAsKafkaDoes) {
  SyntheticAllRequest message;
  message.flag = false;
  message.port = 65535;
  message.mask = 4294967295;
  message.ratio = -0.5;
  message.id.bytes[15] = 1;
  message.name = "Gr\u00fc\u00dfe";
  message.blob = view_of("\x01\xff");
  message.records = RecordsField::of(view_of("abc"));
  message.int32s = {{1, -2}};
  message.names = std::vector<std::string_view>{"a", ""};
  const Json json = json_of(message, 3);
  EXPECT_EQ(json["flag"], false);
  EXPECT_EQ(json["tiny"], -128);
  EXPECT_EQ(json["port"], 65535);
  EXPECT_EQ(json["mask"], 4294967295);
  EXPECT_EQ(json["big"], INT64_MIN);
  EXPECT_EQ(json["ratio"], -0.5);
  EXPECT_EQ(json["id"], "AAAAAAAAAAAAAAAAAAAAAQ");
  EXPECT_EQ(json["name"], "Gr\u00fc\u00dfe");
  EXPECT_EQ(json["nullName"], nullptr);
  EXPECT_EQ(json["blob"], "Af8=");
  EXPECT_EQ(json["records"], "");
  EXPECT_EQ(json["int32s"], Json::parse("[1, -2]"));
  EXPECT_EQ(json["names"], Json::parse(R"(["a", ""])"));
  EXPECT_EQ(json["inline"], Json::parse(R"({"isKRaft": false, "deep": []})"));
  EXPECT_EQ(json["maybeShared"], nullptr);
}

TEST(MessageJson, ShowsOnlyWhatTheVersionHas) {
  const Json json = json_of(SyntheticAllRequest(), 1);
  EXPECT_FALSE(json.contains("port"));
  EXPECT_FALSE(json.contains("nullName"));
  EXPECT_TRUE(json.contains("flag"));
}

TEST(MessageJson, ShowsTaggedFieldsOnlyWhereTheyAreOnTheWireAndInTheOrderOfTheSpec) {
  SyntheticAllRequest message;
  EXPECT_FALSE(json_of(message, 6).contains("taggedNumber"));
  message.tagged_number = 8;
  message.tagged_names = {"x"};
  message.tagged_shared.key = "k";
  message.tagged_maybe.emplace();
  const Json json = json_of(message, 6);
  EXPECT_EQ(json["taggedNumber"], 8);
  EXPECT_EQ(json["taggedNames"], Json::parse(R"(["x"])"));
  EXPECT_EQ(json["taggedShared"]["key"], "k");
  EXPECT_EQ(json["taggedMaybe"]["value"], 3);
  const std::string text = json.dump();
  EXPECT_LT(text.find("taggedNames"), text.find("taggedShared"));
}

TEST(MessageJson, ShowsUnknownTaggedFieldsAndRecordsWhereAsked) {
  SyntheticAllRequest message;
  message.records = RecordsField::of(view_of("abc"));
  message.unknown_tagged_fields = {{77, view_of("xy")}};
  EXPECT_FALSE(json_of(message, 6).contains("unknownTaggedFields"));
  Json json = json_of(message, 6, {JsonOptions::Records::kSize, true});
  EXPECT_EQ(json["unknownTaggedFields"], Json::parse(R"([{"tag": 77, "data": "eHk="}])"));
  EXPECT_EQ(json["recordsSizeInBytes"], 3);
  EXPECT_FALSE(json.contains("records"));
  json = json_of(message, 6, {JsonOptions::Records::kBase64, false});
  EXPECT_EQ(json["records"], "YWJj");
}

TEST(MessageJson, NumbersThatJsonLacksAreTexts) {
  SyntheticAllRequest message;
  message.doubles = {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                     std::numeric_limits<double>::quiet_NaN()};
  EXPECT_EQ(json_of(message, 1)["doubles"], Json::parse(R"(["Infinity", "-Infinity", "NaN"])"));
}

TEST(MessageJson, TextsThatAreNotUtf8DoNotStopIt) {
  SyntheticAllRequest message;
  message.name = "\xff!";
  EXPECT_NE(dump(json_of(message, 1), -1).find("\"\xef\xbf\xbd!\""), std::string::npos);
}

TEST(MessageJson, ErrorsNameTheFieldAndTheByte) {
  SyntheticAllRequest message;
  message.inline_.deep.emplace(2);
  Writer writer;
  message.encode(writer, 6);
  // Cut inside the second element: its key's length is the last byte that is left.
  const std::vector<uint8_t> whole(writer.buffer().begin(), writer.buffer().end());
  size_t seen = 0;
  for (size_t length = 0; length < whole.size(); ++length) {
    const Bytes cut(whole.data(), length);
    const Converted result = convert(synthetic_schemas(), "SyntheticAllRequest", 6, cut);
    ASSERT_FALSE(result.json);
    EXPECT_LE(result.error.offset, length);
    EXPECT_NE(result.error.reason, "");
    if (result.error.field == "inline.deep[1].shared.key") ++seen;
  }
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ(convert(synthetic_schemas(), "SyntheticAllRequest", 6, Bytes(whole.data(), 1)).error.text(),
            "tiny: message ends inside a number at byte 1");
}

TEST(MessageJson, ErrorsInsideTaggedFieldsNameTheByteOfTheWhole) {
  // Four bytes of a header that is not read, then the tag section: tag 0 with two bytes where an int32 is
  // due.
  const std::vector<uint8_t> bytes = {9, 9, 9, 9, 1, 0, 2, 0, 0};
  Converted result;
  result.end = 4;
  result.json = message_to_json(synthetic_schemas(), *synthetic_schemas().find("SyntheticFlexibleData"), 1,
                                bytes, result.end, {}, result.error);
  EXPECT_FALSE(result.json);
  EXPECT_EQ(result.error.text(), "later: message ends inside a number at byte 7");
}

TEST(MessageJson, Base64PadsToFours) {
  EXPECT_EQ(base64(view_of("")), "");
  EXPECT_EQ(base64(view_of("f")), "Zg==");
  EXPECT_EQ(base64(view_of("fo")), "Zm8=");
  EXPECT_EQ(base64(view_of("foo")), "Zm9v");
  EXPECT_EQ(base64(view_of("\xfb\xff")), "+/8=");
}

class TablesAndCode : public testing::TestWithParam<const char*> {};

TEST_P(TablesAndCode, AgreeOnWhatIsAMessage) {
  const bool synthetic = std::string(GetParam()) == OTTLA_SYNTHETIC_SPECS;
  const SchemaTable& table = synthetic ? synthetic_schemas() : message_schemas();
  std::map<std::string, const MessageEntry*> entries;
  const auto parts =
      synthetic ? std::vector{&synthetic_part_0()}
                : std::vector{&registry_part_0(), &registry_part_1(), &registry_part_2(), &registry_part_3()};
  for (const auto* part : parts) {
    for (const MessageEntry& entry : *part) entries[entry.name] = &entry;
  }
  std::vector<std::string> errors;
  std::mt19937_64 random(11);
  size_t refused = 0;
  for (const generator::Message& message : generator::load_messages(GetParam(), errors)) {
    for (int version = message.versions.lowest; version <= message.versions.highest; ++version) {
      for (uint64_t seed = 0; seed < 8; ++seed) {
        Writer writer;
        RandomMessage(message, version, seed).write(writer);
        std::vector<uint8_t> bytes(writer.buffer().begin(), writer.buffer().end());
        // The first two whole, the others damaged.
        if (seed > 1 && !bytes.empty()) bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
        Writer again;
        size_t consumed = 0;
        const bool decoded =
            entries.at(message.name)->reencode(bytes, static_cast<int16_t>(version), again, consumed);
        const Converted result = convert(table, message.name, static_cast<int16_t>(version), bytes);
        ASSERT_EQ(decoded, result.json.has_value())
            << message.name << " version " << version << " seed " << seed << ": " << result.error.text();
        ASSERT_EQ(decoded ? consumed : 0, result.end) << message.name << " version " << version;
        if (!decoded) ++refused;
      }
    }
  }
  EXPECT_GT(refused, 5u);
}

INSTANTIATE_TEST_SUITE_P(Specs, TablesAndCode, testing::Values(OTTLA_MESSAGE_SPECS, OTTLA_SYNTHETIC_SPECS),
                         [](const auto& info) { return info.index == 0 ? "Kafka" : "Synthetic"; });

}  // namespace
}  // namespace ottla::protocol

// SPDX-License-Identifier: Apache-2.0
#include "storage/dump/record_decoders.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "protocol/json/message_json.h"
#include "protocol/json/schema.h"
#include "protocol/records/control_records.h"

namespace ottla::storage {
namespace {

using Json = nlohmann::ordered_json;
using protocol::MessageKind;
using protocol::MessageSchema;

constexpr const char* kDeleted = "<DELETE>";

std::string compact(const Json& json) { return protocol::dump(json, -1); }

// One message of `bytes` from `position` on; the reason where it is none.
std::optional<Json> read_message(const MessageSchema& schema, int16_t version, Bytes bytes, size_t position,
                                 std::string& reason) {
  if (!schema.versions.contains(version)) {
    reason =
        fmt::format("Can't read version {} of {}", version, protocol::message_schemas().text(schema.name));
    return std::nullopt;
  }
  protocol::MessageError error;
  auto json =
      protocol::message_to_json(protocol::message_schemas(), schema, version, bytes, position, {}, error);
  if (!json) reason = error.text();
  return json;
}

// Whose records these are: two coordinators use the same numbers.
bool belongs_to(DumpOptions::Decoder decoder, std::string_view name) {
  if (decoder == DumpOptions::Decoder::kTransactions) return name.starts_with("TransactionLog");
  return !name.starts_with("TransactionLog") && !name.starts_with("ShareSnapshot") &&
         !name.starts_with("ShareUpdate");
}

const MessageSchema* find_coordinator_schema(DumpOptions::Decoder decoder, MessageKind kind, int16_t key) {
  const auto& table = protocol::message_schemas();
  for (const MessageSchema& one : table.messages) {
    if (one.kind == kind && one.key == key && belongs_to(decoder, table.text(one.name))) return &one;
  }
  return nullptr;
}

// A member's subscription and assignment are messages of their own, where the group speaks "consumer".
void unfold_members(Json& group) {
  if (group.value("protocolType", "") != "consumer" || !group.contains("members")) return;
  for (Json& member : group["members"]) {
    for (const auto& [field, message] : {std::pair("subscription", "ConsumerProtocolSubscription"),
                                         std::pair("assignment", "ConsumerProtocolAssignment")}) {
      if (!member.contains(field)) continue;
      const auto raw = protocol::from_base64(member[field].get<std::string>());
      Reader reader(raw);
      const int16_t version = reader.int16();
      const MessageSchema* schema = protocol::message_schemas().find(message);
      std::string reason;
      if (!reader.ok() || schema == nullptr) continue;
      if (auto inner = read_message(*schema, version, raw, 2, reason)) member[field] = std::move(*inner);
    }
  }
}

// What both forms are made of.
struct CoordinatorRecord {
  int16_t type = 0;
  Json key;
  int16_t version = 0;
  std::optional<Json> value;  // none: a tombstone
};

// False, with `problem`, where it can not be read.
bool read_coordinator_record(DumpOptions::Decoder decoder, const records::RecordView& record,
                             CoordinatorRecord& out, std::string& problem) {
  Reader key(*record.key);
  out.type = key.int16();
  const MessageSchema* schema = find_coordinator_schema(decoder, MessageKind::kCoordinatorKey, out.type);
  if (!key.ok() || schema == nullptr) {
    problem = fmt::format("Unknown record type {} at offset {}, skipping.", out.type, record.offset);
    return false;
  }
  std::string reason;
  auto json = read_message(*schema, schema->versions.lowest, *record.key, 2, reason);
  if (json && record.value) {
    Reader value(*record.value);
    out.version = value.int16();
    const MessageSchema* value_schema =
        find_coordinator_schema(decoder, MessageKind::kCoordinatorValue, out.type);
    if (!value.ok() || value_schema == nullptr) reason = "its value has no version";
    if (reason.empty()) out.value = read_message(*value_schema, out.version, *record.value, 2, reason);
  }
  if (reason.empty()) {
    out.key = std::move(*json);
    return true;
  }
  problem = fmt::format("Error at offset {}, skipping. {}", record.offset, reason);
  return false;
}

DecodedRecord as_4_3(DumpOptions::Decoder decoder, CoordinatorRecord& read) {
  DecodedRecord out;
  Json key = Json::object();
  key["type"] = fmt::format("{}", read.type);
  key["data"] = std::move(read.key);
  out.key = compact(key);
  out.payload = kDeleted;
  if (!read.value) return out;
  if (decoder == DumpOptions::Decoder::kOffsets && read.type == 2) unfold_members(*read.value);
  Json value = Json::object();
  value["version"] = fmt::format("{}", read.version);
  value["data"] = std::move(*read.value);
  out.payload = compact(value);
  return out;
}

// 2.8 writes a number of bytes as one large number: no zeros in front.
std::string as_large_number(Bytes bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02X}", byte);
  const size_t first = text.find_first_not_of('0');
  return text.empty() ? "" : first == std::string::npos ? "0" : text.substr(first);
}

std::string assignment_of(const Json& member, bool consumer) {
  const std::string id = member["memberId"].get<std::string>();
  const Json& assignment = member["assignment"];
  if (!consumer || !assignment.is_object())
    return fmt::format("{}={}", id, as_large_number(protocol::from_base64(assignment.get<std::string>())));
  std::vector<std::string> partitions;
  for (const Json& topic : assignment["assignedPartitions"]) {
    for (const Json& partition : topic["partitions"])
      partitions.push_back(fmt::format("{}-{}", topic["topic"].get<std::string>(), partition.get<int32_t>()));
  }
  const Json& data = assignment["userData"];
  const std::string user =
      data.is_string() ? as_large_number(protocol::from_base64(data.get<std::string>())) : std::string();
  return fmt::format("{}=[{}]{}{}", id, fmt::join(partitions, ", "), user.empty() ? "" : ":", user);
}

DecodedRecord offsets_as_2_8(CoordinatorRecord& read) {
  DecodedRecord out;
  const std::string group = read.key["group"].get<std::string>();
  if (read.type < 2) {
    out.key = fmt::format("offset_commit::group={},partition={}-{}", group,
                          read.key["topic"].get<std::string>(), read.key["partition"].get<int32_t>());
    out.payload = kDeleted;
    if (!read.value) return out;
    const std::string metadata = (*read.value)["metadata"].get<std::string>();
    out.payload = fmt::format("offset={}{}{}", (*read.value)["offset"].get<int64_t>(),
                              metadata.empty() ? "" : ",metadata=", metadata);
    return out;
  }
  out.key = fmt::format("group_metadata::group={}", group);
  out.payload = kDeleted;
  if (!read.value) return out;
  Json& value = *read.value;
  unfold_members(value);
  std::vector<std::string> members;
  for (const Json& member : value["members"])
    members.push_back(assignment_of(member, value["protocolType"] == "consumer"));
  Json text = Json::object();
  text["protocolType"] = value["protocolType"];
  text["protocol"] = value["protocol"];
  text["generationId"] = value["generation"];
  text["assignment"] = fmt::format("{{{}}}", fmt::join(members, ","));
  out.payload = compact(text);
  return out;
}

DecodedRecord transactions_as_2_8(CoordinatorRecord& read) {
  static constexpr std::array kStates = {"Empty",        "Ongoing",          "PrepareCommit",
                                         "PrepareAbort", "CompleteCommit",   "CompleteAbort",
                                         "Dead",         "PrepareEpochFence"};
  DecodedRecord out;
  out.key =
      fmt::format("transaction_metadata::transactionalId={}", read.key["transactionalId"].get<std::string>());
  out.payload = kDeleted;
  if (!read.value) return out;
  const Json& value = *read.value;
  const auto state = value["transactionStatus"].get<size_t>();
  std::vector<std::string> partitions;
  if (state != 0 && value["transactionPartitions"].is_array()) {
    for (const Json& topic : value["transactionPartitions"]) {
      for (const Json& partition : topic["partitionIds"])
        partitions.push_back(
            fmt::format("{}-{}", topic["topic"].get<std::string>(), partition.get<int32_t>()));
    }
  }
  out.payload = fmt::format(
      "producerId:{},producerEpoch:{},state={},partitions=[{}],txnLastUpdateTimestamp={},txnTimeoutMs={}",
      value["producerId"].get<int64_t>(), value["producerEpoch"].get<int32_t>(),
      state < kStates.size() ? kStates[state] : "unknown", fmt::join(partitions, ","),
      value["transactionLastUpdateTimestampMs"].get<int64_t>(), value["transactionTimeoutMs"].get<int32_t>());
  return out;
}

// TopicRecord -> TOPIC_RECORD
std::string constant_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z' && !out.empty()) out += '_';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

// KIP-631: the version of the frame, the type and version of the record, each an unsigned varint.
DecodedRecord metadata_record(const records::RecordView& record) {
  Reader reader(record.value.value_or(Bytes{}));
  std::string reason;
  const uint32_t frame = reader.unsigned_varint();
  const auto type = static_cast<int16_t>(reader.unsigned_varint());
  const auto version = static_cast<int16_t>(reader.unsigned_varint());
  const auto& table = protocol::message_schemas();
  const MessageSchema* schema = table.find(MessageKind::kMetadata, type);
  if (!reader.ok() || frame != 1) {
    reason = "Could not deserialize metadata record";
  } else if (schema == nullptr) {
    reason = fmt::format("Unknown metadata id {}", type);
  } else if (auto data = read_message(*schema, version, *record.value, reader.position(), reason)) {
    Json json = Json::object();
    json["type"] = constant_name(table.text(schema->name));
    json["version"] = version;
    json["data"] = std::move(*data);
    return {std::nullopt, compact(json)};
  }
  return {std::nullopt, fmt::format("Error at {}, skipping. {}", record.offset, reason)};
}

struct Utf8Part {
  size_t length = 1;
  bool good = false;
};

// The character that `bytes` begin with, or what Java replaces as one: as much as could still have become a
// character, and a whole surrogate.
Utf8Part utf8_part(Bytes bytes) {
  const uint8_t lead = bytes[0];
  if (lead < 0x80) return {1, true};
  const size_t wanted = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
  // The second byte of three and four: no longer form than needed, nothing past U+10FFFF.
  const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;
  size_t length = 1;
  while (length < wanted && length < bytes.size()) {
    const uint8_t byte = bytes[length];
    if (byte < (length == 1 ? low : 0x80) || byte > (length == 1 ? high : 0xbf)) break;
    ++length;
  }
  const bool surrogate = lead == 0xed && length > 1 && bytes[1] >= 0xa0;
  return {length, wanted > 1 && length == wanted && !surrogate};
}

std::string control_message(const char* title, const char* message, const records::RecordView& record) {
  const Bytes bytes = record.value.value_or(Bytes{});
  Reader reader(bytes);
  const int16_t version = reader.int16();  // the first field of each of them
  const MessageSchema* schema = protocol::message_schemas().find(message);
  std::string reason;
  const auto json = schema == nullptr ? std::nullopt : read_message(*schema, version, bytes, 0, reason);
  return json ? fmt::format(" {} {}", title, compact(*json)) : fmt::format(" {} {}", title, reason);
}

}  // namespace

Result<DecodedRecord> decode_record(DumpOptions::Decoder decoder, DumpOptions::Style style,
                                    const records::RecordView& record) {
  if (decoder == DumpOptions::Decoder::kMetadata) return metadata_record(record);
  if (decoder == DumpOptions::Decoder::kText) {
    DecodedRecord out;
    if (record.key) out.key = utf8_text(*record.key);
    if (record.value) out.payload = utf8_text(*record.value);
    return out;
  }
  if (!record.key) {
    return Status(
        ErrorCode::INVALID_RECORD,
        fmt::format("Failed to decode message at offset {} using the specified decoder (message had a "
                    "missing key)",
                    record.offset));
  }
  CoordinatorRecord read;
  std::string problem;
  const bool good = read_coordinator_record(decoder, record, read, problem);
  if (style == DumpOptions::Style::k4_3) {
    if (!good) return DecodedRecord{problem, std::nullopt};
    return as_4_3(decoder, read);
  }
  // 2.8 knows offsets and groups alone, and ends at everything else.
  if (!good || (decoder == DumpOptions::Decoder::kOffsets && read.type > 2))
    return Status(ErrorCode::INVALID_RECORD,
                  good ? fmt::format("Unknown group metadata message version: {}", read.type) : problem);
  return decoder == DumpOptions::Decoder::kOffsets ? offsets_as_2_8(read) : transactions_as_2_8(read);
}

std::string describe_control_record(const records::RecordView& record, DumpOptions::Style style) {
  using records::ControlType;
  static constexpr std::array kNames = {"ABORT",           "COMMIT",          "LEADER_CHANGE",
                                        "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER", "KRAFT_VERSION",
                                        "KRAFT_VOTERS"};
  const auto type = records::parse_control_key(record.key);
  if (type == ControlType::kAbort || type == ControlType::kCommit) {
    const auto marker = records::parse_end_transaction_marker(record);
    if (!marker.ok()) return fmt::format(" {}", marker.status().message());
    return fmt::format(" endTxnMarker: {} coordinatorEpoch: {}", marker->commit ? "COMMIT" : "ABORT",
                       marker->coordinator_epoch);
  }
  if (style == DumpOptions::Style::k4_3 && type) {
    if (type == ControlType::kLeaderChange)
      return control_message("LeaderChange:", "LeaderChangeMessage", record);
    if (type == ControlType::kSnapshotHeader)
      return control_message("SnapshotHeader", "SnapshotHeaderRecord", record);
    if (type == ControlType::kSnapshotFooter)
      return control_message("SnapshotFooter", "SnapshotFooterRecord", record);
    if (type == ControlType::kKraftVersion)
      return control_message("KRaftVersion", "KRaftVersionRecord", record);
    return control_message("KRaftVoters", "VotersRecord", record);
  }
  Reader key(record.key.value_or(Bytes{}));
  key.skip(2);
  const int16_t number = key.int16();
  return fmt::format(" controlType: {}({})", type ? kNames[static_cast<size_t>(*type)] : "UNKNOWN",
                     key.ok() ? number : -1);
}

std::string utf8_text(Bytes bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size();) {
    const Utf8Part part = utf8_part(bytes.subspan(i));
    if (part.good) {
      out.append(reinterpret_cast<const char*>(bytes.data() + i), part.length);
    } else {
      out += "\xef\xbf\xbd";
    }
    i += part.length;
  }
  return out;
}

}  // namespace ottla::storage

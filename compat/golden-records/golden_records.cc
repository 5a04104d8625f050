// SPDX-License-Identifier: Apache-2.0
// Compares our record batches with those of a Kafka release (java/common/GoldenRecords.java):
//
//   golden_records write SEED COUNT FILE   writes COUNT batches of ours, lines of hex, for Kafka to read
//   golden_records check VERSION FILE      goes through what Kafka says about its batches, damaged ones, and
//   ours
//
// Of each line: what is read in the bytes (or that nothing can be), the same records built again, both
// conversions to the old formats, and what a leader appends. Exit status 1 where anything differs.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "protocol/records/control_records.h"
#include "protocol/records/legacy_records.h"
#include "protocol/records/validation.h"

namespace ottla::records {
namespace {

using nlohmann::json;

// As in Release.java.
constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kFirstOffset = 4000;
constexpr int32_t kLeaderEpoch = 7;
constexpr size_t kMostShown = 20;

std::string to_hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

std::vector<uint8_t> from_hex(const std::string& text) {
  const auto digit = [](char one) { return static_cast<uint8_t>(one <= '9' ? one - '0' : one - 'a' + 10); };
  std::vector<uint8_t> bytes(text.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<uint8_t>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  return bytes;
}

json hex_or_null(const std::optional<Bytes>& bytes) { return bytes ? json(to_hex(*bytes)) : json(nullptr); }

json describe_record(const RecordView& record, bool control) {
  std::vector<RecordHeader> headers;
  read_headers(record, headers);
  json list = json::array();
  for (const RecordHeader& header : headers) {
    const Bytes key(reinterpret_cast<const uint8_t*>(header.key.data()), header.key.size());
    list.push_back({to_hex(key), hex_or_null(header.value)});
  }
  json one = {record.offset, record.timestamp, hex_or_null(record.key), hex_or_null(record.value), list};
  // The number in Kafka's enum; -1 for what is not known.
  if (control) {
    const auto type = parse_control_key(record.key);
    one.push_back(type ? static_cast<int>(*type) : -1);
  }
  return one;
}

// The batch without its records, in the words of Java's description.
json describe_header(Bytes batch) {
  if (BatchWalker::magic(batch) == kMagicV2) {
    const RecordBatchView view(batch);
    return {
        {"magic", 2},
        {"base", view.base_offset()},
        {"last", view.last_offset()},
        {"codec", view.attributes() & kCompressionMask},
        {"log_append_time", view.is_log_append_time()},
        {"max_timestamp", view.max_timestamp()},
        {"producer", {view.producer_id(), view.producer_epoch(), view.base_sequence(), view.last_sequence()}},
        {"transactional", view.is_transactional()},
        {"control", view.is_control()},
        {"leader_epoch", view.partition_leader_epoch()}};
  }
  const auto message = parse_legacy_message(batch);
  return {{"magic", message->magic},
          {"last", message->offset},
          {"codec", message->attributes & kCompressionMask},
          {"log_append_time", message->is_log_append_time()},
          {"max_timestamp", message->timestamp},
          {"producer", {-1, -1, -1, -1}},
          {"transactional", false},
          {"control", false},
          {"leader_epoch", -1}};
}

// What we read in `bytes`: the batches, or the first error.
struct Reading {
  json batches = json::array();
  Status status;
};

Status checksum_status(Bytes batch) {
  if (BatchWalker::magic(batch) == kMagicV2) {
    if (RecordBatchView(batch).crc_is_valid()) return {};
  } else if (const auto message = parse_legacy_message(batch); message.ok() && message->crc_is_valid()) {
    return {};
  }
  return {ErrorCode::CORRUPT_MESSAGE, "checksum"};
}

Reading read_all(Bytes bytes) {
  Reading reading;
  RecordReader reader;
  BatchWalker walker(bytes);
  while (const auto batch = walker.next()) {
    reading.status = checksum_status(*batch);
    if (reading.status.ok()) reading.status = reader.open(*batch);
    if (!reading.status.ok()) return reading;
    json described = describe_header(*batch);
    json records = json::array();
    const bool control = described["control"];
    while (const auto record = reader.next()) records.push_back(describe_record(*record, control));
    reading.status = reader.status();
    if (!reading.status.ok()) return reading;
    // Old messages carry the offset of their last record.
    if (!described.contains("base")) described["base"] = records.front()[0];
    described["records"] = std::move(records);
    reading.batches.push_back(std::move(described));
  }
  reading.status = walker.status();
  return reading;
}

// Batches with their records decompressed, so that what differs is not how well a library compresses.
std::string canonical(Bytes bytes) {
  std::string text;
  BatchWalker walker(bytes);
  std::vector<uint8_t> plain;
  while (const auto batch = walker.next()) {
    if (BatchWalker::magic(*batch) == kMagicV2) {
      const RecordBatchView view(*batch);
      if (!decompress(view.compression().value_or(Compression::kNone), view.records(), SIZE_MAX / 4, plain)
               .ok())
        return "unreadable";
      text += to_hex(batch->first(kLengthPosition)) + " " +
              to_hex(batch->subspan(kLeaderEpochPosition, kCrcPosition - kLeaderEpochPosition)) + " " +
              to_hex(batch->subspan(kAttributesPosition, kBatchHeaderSize - kAttributesPosition)) + " " +
              to_hex(plain) + "\n";
      continue;
    }
    const auto message = parse_legacy_message(*batch);
    const auto lz4_header = message->magic == kMagicV0 ? Lz4Header::kMagic0 : Lz4Header::kStandard;
    if (!decompress(message->compression().value_or(Compression::kNone), message->value.value_or(Bytes{}),
                    SIZE_MAX / 4, plain, lz4_header)
             .ok())
      return "unreadable";
    text += fmt::format("{} {} {} {} {} {} {}\n", message->offset, message->magic, message->attributes,
                        message->timestamp, message->key ? to_hex(*message->key) : "null",
                        message->value.has_value(), to_hex(plain));
  }
  return text;
}

class Checker {
 public:
  explicit Checker(const std::string& version) : is_v28_(version.starts_with("2.8")) {}

  void check_line(const std::string& text, const std::string& where) {
    where_ = where;
    const json line = json::parse(text);
    const std::vector<uint8_t> bytes = from_hex(line["bytes"]);
    const std::string origin = line["origin"];
    ++counts_["batches of " + origin];
    check_reading(line["read"], bytes, origin);
    if (line.contains("down0")) {
      for (const int8_t magic : {kMagicV0, kMagicV1}) check_down(line, bytes, magic);
    }
    check_append(line, bytes, origin);
  }
  int report(const std::string& title) const {
    std::string text = title + ":";
    for (const auto& [what, count] : counts_) text += fmt::format(" {} {},", count, what);
    fmt::print("{} {} differences\n", text, differences_);
    return differences_ == 0 ? 0 : 1;
  }

 private:
  void differ(const std::string& what, const std::string& theirs, const std::string& ours) {
    if (++differences_ > kMostShown) return;
    fmt::print(stderr, "{}: {}\n  Kafka: {}\n  Ottla: {}\n", where_, what, theirs.substr(0, 1500),
               ours.substr(0, 1500));
  }

  void check_reading(const json& theirs, Bytes bytes, const std::string& origin) {
    const Reading ours = read_all(bytes);
    const bool refused = theirs.contains("error");
    ++counts_[refused ? "refused" : "read alike"];
    const bool same = refused ? !ours.status.ok() : ours.status.ok() && theirs["batches"] == ours.batches;
    if (!same && is_known(theirs, theirs, ours.status.message(), origin)) return;
    if (!same) {
      return differ("reading " + to_hex(bytes), theirs.dump(),
                    ours.status.ok() ? ours.batches.dump() : ours.status.message());
    }
    if (refused) return;
    if (origin != "damaged") check_rebuild(ours.batches, bytes);
  }

  // Uncompressed batches whose offsets have no gaps, built of what was read.
  void check_rebuild(const json& batches, Bytes bytes) {
    Writer out;
    for (const json& batch : batches) {
      if (batch["codec"] != 0) return;
      const json& records = batch["records"];
      for (size_t i = 0; i < records.size(); ++i) {
        if (records[i][0] != batch["base"].get<int64_t>() + static_cast<int64_t>(i)) return;
      }
      // With log append time, what the deltas of the records say is not to be seen.
      if (batch["magic"] == 2 && batch["log_append_time"]) return;
      batch["magic"] == 2 ? rebuild_v2(batch, out) : rebuild_legacy(batch, out);
    }
    ++counts_["rebuilt"];
    if (to_hex(out.buffer()) != to_hex(bytes)) differ("rebuilt bytes", to_hex(bytes), to_hex(out.buffer()));
  }

  static std::optional<Bytes> take(const json& hex, std::vector<uint8_t>& memory) {
    if (hex.is_null()) return std::nullopt;
    memory = from_hex(hex);
    return Bytes(memory);
  }

  void rebuild_v2(const json& batch, Writer& out) {
    BatchOptions options;
    options.base_offset = batch["base"];
    options.producer_id = batch["producer"][0];
    options.producer_epoch = batch["producer"][1];
    options.base_sequence = batch["producer"][2];
    options.transactional = batch["transactional"];
    options.control = batch["control"];
    options.partition_leader_epoch = batch["leader_epoch"];
    BatchBuilder builder;
    builder.begin(options);
    for (const json& record : batch["records"]) {
      std::vector<uint8_t> key, value;
      std::vector<std::vector<uint8_t>> memory;
      std::vector<RecordHeader> headers;
      memory.reserve(2 * record[4].size());
      for (const json& header : record[4]) {
        const Bytes name = memory.emplace_back(from_hex(header[0]));
        headers.push_back({{reinterpret_cast<const char*>(name.data()), name.size()},
                           take(header[1], memory.emplace_back())});
      }
      builder.append(record[1], take(record[2], key), take(record[3], value), headers);
    }
    const auto built = builder.finish();
    out.raw(built.value());
  }

  void rebuild_legacy(const json& batch, Writer& out) {
    std::vector<uint8_t> key, value;
    const json& record = batch["records"][0];
    write_legacy_message(out, batch["magic"], record[0], record[1],
                         batch["log_append_time"] ? kLogAppendTimeFlag : 0, take(record[2], key),
                         take(record[3], value));
  }

  void check_down(const json& line, Bytes bytes, int8_t magic) {
    const json& theirs = line[fmt::format("down{}", magic)];
    Writer out;
    const Status status = down_convert(bytes, magic, line["first_offset"], out);
    ++counts_["converted down"];
    if (theirs.is_object() != !status.ok()) {
      return differ(fmt::format("conversion to {}", magic), theirs.dump(),
                    status.ok() ? "converts" : status.message());
    }
    if (theirs.is_object()) {
      if (theirs["error"] != static_cast<int>(status.code()))
        differ("error of conversion", theirs.dump(), status.message());
      return;
    }
    const std::string expected = canonical(from_hex(theirs));
    const std::string actual = canonical(out.buffer());
    if (expected != actual) differ(fmt::format("converted to {}", magic), expected, actual);
  }

  void check_append(const json& line, std::vector<uint8_t> bytes, const std::string& origin) {
    const json& rule = line["rules"];
    ValidationRules rules;
    const json& theirs = line["appended"];
    // That nothing is there is found by what decodes the request; without it, nothing is appended.
    const bool nothing = theirs == "";
    const bool is_v2 = bytes.size() > kMagicPosition && BatchWalker::magic(bytes) == kMagicV2;
    rules.produce_version = is_v2 && !nothing ? 9 : 2;
    if (rule[0] >= 0) rules.compression = static_cast<Compression>(rule[0].get<int>());
    rules.log_append_time = rule[1];
    rules.compacted = rule[2];
    rules.timestamp_before_max_ms = rules.timestamp_after_max_ms = rule[3];
    rules.max_message_bytes = INT64_MAX;
    rules.now_ms = kNow;
    const bool claims_log_append_time = is_log_append_time(bytes);
    ValidatedRecords ours = validate_records(bytes, rules);
    ++counts_[ours.ok() ? "appended" : "not appended"];
    if (is_v28_ && claims_log_append_time && is_error(theirs, ErrorCode::INVALID_TIMESTAMP) &&
        ours.error != ErrorCode::INVALID_TIMESTAMP) {
      ++counts_["left out (log append time from a producer: 2.8 refuses, later releases correct it)"];
      return;
    }
    if (theirs.is_object() != !ours.ok()) {
      if (!is_known(line["read"], theirs, ours.message, origin))
        differ("append", theirs.dump(), ours.message);
      return;
    }
    if (theirs.is_object()) {
      if (origin != "damaged" && theirs["error"] != static_cast<int>(ours.error))
        differ("error of append", theirs.dump(), ours.message);
      return;
    }
    if (!ours.batch.empty()) assign_offsets(ours, kFirstOffset, kLeaderEpoch);
    const std::string expected = canonical(from_hex(theirs));
    const std::string actual = canonical(ours.batch);
    if (expected != actual && is_known(line["read"], theirs, ours.message, origin)) return;
    if (expected != actual) differ("appended to the log: " + rule.dump(), expected, actual);
  }

  static bool is_error(const json& theirs, ErrorCode code) {
    return theirs.is_object() && theirs.contains("error") && theirs["error"] == static_cast<int>(code);
  }

  // Where damaged bytes may be judged in another way, and why; `theirs` is what Kafka did with what it
  // `read`.
  bool is_known(const json& read, const json& theirs, const std::string& ours, const std::string& origin) {
    if (origin != "damaged") return false;
    const std::string their_text = theirs.dump();
    const char* why = nullptr;
    if (read.dump().find("efbfbd") != std::string::npos) {
      why = "left out (a header's key that is no UTF-8 is another one in Java)";
    } else if (ours.starts_with("gzip cannot decompress: unknown header flags")) {
      why = "left out (reserved flags of gzip, which Java does not look at)";
    } else if (their_text.find("is skipped in PartialDefaultRecord") != std::string::npos) {
      why = "left out (offsets inside a compressed batch: Kafka means to rewrite them, and fails)";
    } else if (read.contains("error") && ours.starts_with("record")) {
      why = "left out (a compressed record that Kafka appends, and cannot read afterwards)";
    }
    if (why == nullptr) return false;
    ++counts_[why];
    return true;
  }

  static bool is_log_append_time(Bytes bytes) {
    const auto batch = BatchWalker(bytes).next();
    return batch && describe_header(*batch)["log_append_time"];
  }

  const bool is_v28_;
  std::string where_;
  std::map<std::string, size_t> counts_;
  size_t differences_ = 0;
};

// Batches of ours, out of a seed.
class Ours {
 public:
  explicit Ours(uint32_t seed) : random_(seed) {}

  std::vector<uint8_t> next() {
    std::vector<uint8_t> batch = batch_v2();
    const bool zstd = RecordBatchView(batch).compression() == Compression::kZstd;
    if (below(3) != 0 || zstd) return below(8) == 0 ? with_raw_snappy(batch) : batch;
    Writer out;
    const int8_t magic = below(2) == 0 ? kMagicV0 : kMagicV1;
    const Status status = down_convert(batch, magic, 0, out);
    OTTLA_CHECK(status.ok());
    return out.buffer().empty() ? batch : std::vector<uint8_t>(out.buffer().begin(), out.buffer().end());
  }

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  std::optional<Bytes> bytes(std::vector<uint8_t>& memory) {
    const uint32_t kind = below(20);
    if (kind == 0) return std::nullopt;
    memory.resize(kind < 3 ? 0 : kind < 19 ? below(50) : below(20) > 0 ? below(500) : below(100000));
    const bool same = below(2) == 0;
    for (uint8_t& byte : memory) byte = same ? 7 : static_cast<uint8_t>(random_());
    return Bytes(memory);
  }

  std::vector<uint8_t> batch_v2() {
    BatchOptions options;
    if (below(2) == 0) options.base_offset = below(100000);
    options.compression = static_cast<Compression>(below(5));
    if (below(6) == 0) options.log_append_time = kNow + below(100);
    if (below(3) == 0) {
      options.producer_id = below(1000);
      options.producer_epoch = static_cast<int16_t>(below(100));
      options.base_sequence = static_cast<int32_t>(below(INT32_MAX));
      options.transactional = below(2) == 0;
    }
    options.partition_leader_epoch = static_cast<int32_t>(below(50)) - 1;
    BatchBuilder builder;
    builder.begin(options);
    for (uint32_t count = 1 + below(20); count > 0; --count) append(builder);
    const auto built = builder.finish();
    return {built.value().begin(), built.value().end()};
  }

  void append(BatchBuilder& builder) {
    std::vector<uint8_t> key, value, header_value;
    std::vector<RecordHeader> headers;
    if (below(3) == 0) headers.push_back({"größe", bytes(header_value)});
    if (below(4) == 0) headers.push_back({"", std::nullopt});
    const int64_t time = below(10) == 0 ? kNoTimestamp : kNow - 1000 + below(2000);
    const auto key_bytes = bytes(key);
    builder.append(time, key_bytes, bytes(value), headers);
  }

  // As some old clients write it: one block without a frame.
  std::vector<uint8_t> with_raw_snappy(const std::vector<uint8_t>& batch) {
    const RecordBatchView view(batch);
    std::vector<uint8_t> plain, framed;
    OTTLA_CHECK(decompress(*view.compression(), view.records(), SIZE_MAX / 4, plain).ok());
    if (plain.size() > 30000) return batch;
    OTTLA_CHECK(compress(Compression::kSnappy, plain, framed).ok());
    std::vector<uint8_t> raw(batch.begin(), batch.begin() + kBatchHeaderSize);
    raw[kAttributesPosition + 1] =
        static_cast<uint8_t>((raw[kAttributesPosition + 1] & ~kCompressionMask) | 2);
    raw.insert(raw.end(), framed.begin() + 20, framed.end());
    const auto length = static_cast<uint32_t>(raw.size() - kLogOverhead);
    for (size_t i = 0; i < 4; ++i) raw[kLengthPosition + i] = static_cast<uint8_t>(length >> (24 - 8 * i));
    RecordBatchEditor(raw).update_crc();
    return raw;
  }

  std::mt19937 random_;
};

int write(uint32_t seed, int count, const char* path) {
  std::ofstream out(path);
  Ours ours(seed);
  for (int i = 0; i < count; ++i) out << to_hex(ours.next()) << "\n";
  return out.good() ? 0 : 1;
}

int check(const char* version, const char* path) {
  std::ifstream in(path);
  Checker checker(version);
  std::string line;
  size_t number = 0;
  while (std::getline(in, line)) checker.check_line(line, fmt::format("{}:{}", path, ++number));
  if (number == 0) fmt::print(stderr, "{}: nothing to compare\n", path);
  return checker.report(std::string("Record batches of Kafka ") + version) | (number == 0 ? 1 : 0);
}

}  // namespace
}  // namespace ottla::records

int main(int count, char** arguments) {
  const std::string mode = count > 1 ? arguments[1] : "";
  if (mode == "write" && count == 5) {
    return ottla::records::write(static_cast<uint32_t>(std::stoul(arguments[2])), std::stoi(arguments[3]),
                                 arguments[4]);
  }
  if (mode == "check" && count == 4) return ottla::records::check(arguments[2], arguments[3]);
  fmt::print(stderr, "usage: golden_records write SEED COUNT FILE | check VERSION FILE\n");
  return 2;
}

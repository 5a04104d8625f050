// SPDX-License-Identifier: Apache-2.0
// Record batches of any format, as a Produce request or a file holds them. The first byte chooses the topic's
// rules; the rest is read, validated and converted. What validation lets pass must be readable whole.
#include "protocol/records/legacy_records.h"
#include "protocol/records/record_reader.h"
#include "protocol/records/validation.h"

namespace ottla::records {
namespace {

constexpr size_t kDecompressionLimit = size_t{4} << 20;

bool read_all(Bytes batch, int32_t& count) {
  static RecordReader reader(kDecompressionLimit);
  static std::vector<RecordHeader> headers;
  count = 0;
  if (!reader.open(batch).ok()) return false;
  while (const auto record = reader.next()) {
    headers.clear();
    if (BatchWalker::magic(batch) == kMagicV2) read_headers(*record, headers);
    ++count;
  }
  return reader.status().ok();
}

ValidationRules rules_of(uint8_t choice) {
  ValidationRules rules;
  rules.produce_version = static_cast<int16_t>((choice & 1) != 0 ? 9 : 2);
  rules.from_client = (choice & 2) == 0;
  rules.compacted = (choice & 4) != 0;
  rules.log_append_time = (choice & 8) != 0;
  if ((choice & 16) != 0) rules.compression = static_cast<Compression>((choice >> 5) % 5);
  rules.now_ms = 1'700'000'000'000;
  return rules;
}

void take(uint8_t choice, Bytes bytes) {
  int32_t count = 0;
  BatchWalker walker(bytes);
  while (const auto batch = walker.next()) static_cast<void>(read_all(*batch, count));
  Writer old;
  static_cast<void>(down_convert(bytes, static_cast<int8_t>(choice & 1), 0, old, kDecompressionLimit));
  std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  const ValidationRules rules = rules_of(choice);
  ValidatedRecords validated = validate_records(copy, rules);
  if (!validated.ok() || validated.batch.empty()) return;
  assign_offsets(validated, 7, 1);
  OTTLA_CHECK(RecordBatchView(validated.batch).crc_is_valid());
  if (rules.from_client) OTTLA_CHECK(read_all(validated.batch, count) && count == validated.record_count);
}

}  // namespace
}  // namespace ottla::records

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) ottla::records::take(data[0], {data + 1, size - 1});
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "protocol/records/record_batch.h"
#include "storage/dump/dump.h"
#include "storage/dump/record_decoders.h"
#include "storage/log/file_names.h"
#include "storage/log/producer_state.h"

namespace ottla::storage {
namespace {

std::string compression_text(records::Compression codec, bool as_2_8) {
  std::string name(records::compression_name(codec));
  if (as_2_8) {
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

// "00000000000000000012-0000000003.checkpoint"
Result<std::string> snapshot_title(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name == "bootstrap.checkpoint") return std::string("KRaft bootstrap snapshot");
  int64_t offset = 0;
  int32_t epoch = 0;
  const char* end = name.data() + name.size();
  const auto first = std::from_chars(name.data(), end, offset);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '-' &&
      std::from_chars(first.ptr + 1, end, epoch).ec == std::errc()) {
    return fmt::format("Snapshot end offset: {}, epoch: {}", offset, epoch);
  }
  return Status(ErrorCode::CORRUPT_MESSAGE, fmt::format("{}: its name tells no offset and epoch", path));
}

std::string delete_horizon(const records::RecordBatchView& batch) {
  return batch.has_delete_horizon() ? fmt::format("OptionalLong[{}]", batch.base_timestamp())
                                    : "OptionalLong.empty";
}

std::string header_keys(const records::RecordView& record) {
  std::vector<records::RecordHeader> headers;
  records::read_headers(record, headers);
  std::vector<std::string> keys;
  keys.reserve(headers.size());
  for (const records::RecordHeader& header : headers)
    keys.push_back(utf8_text({reinterpret_cast<const uint8_t*>(header.key.data()), header.key.size()}));
  return fmt::format("[{}]", fmt::join(keys, ","));
}

int32_t sequence_of(const records::RecordBatchView& batch, int64_t offset) {
  if (batch.base_sequence() < 0) return records::kNoSequence;
  return sequence_after(batch.base_sequence(), static_cast<int32_t>(offset - batch.base_offset()));
}

int64_t size_of(const std::optional<Bytes>& bytes) {
  return bytes ? static_cast<int64_t>(bytes->size()) : -1;
}

}  // namespace

Status Dump::dump_batches(const std::string& path) {
  if (path.ends_with(kLogSuffix)) {
    const auto base = offset_in_name(path);
    if (!base.ok()) return base.status();
    sinks_.out(fmt::format("{} offset: {}", as_2_8() ? "Starting" : "Log starting", *base));
  } else {
    const auto title = snapshot_title(path);
    if (!title.ok()) return title.status();
    sinks_.out(*title);
  }
  const auto file = files_.open_for_reading(path);
  if (!file.ok()) return file.status();
  const auto size = (*file)->size();
  if (!size.ok()) return size.status();
  const uint64_t end = std::min<uint64_t>(*size, static_cast<uint64_t>(options_.max_bytes));
  FileBatches batches(*file, 0, end);
  int64_t last_offset = -1;
  while (true) {
    const auto batch = batches.next();
    if (!batch.ok()) return batch.status();
    if (!batch->has_value()) break;
    print_batch(**batch);
    if (!options_.deep && !prints_data()) continue;
    const Status status = dump_records(path, **batch, last_offset);
    if (!status.ok()) return status;
  }
  if (end > batches.position() && options_.max_bytes == INT_MAX) {
    sinks_.out(fmt::format("Found {} invalid bytes at the end of {}", end - batches.position(),
                           path.substr(path.rfind('/') + 1)));
  }
  return {};
}

void Dump::print_batch(const DumpedBatch& batch) const {
  std::string line;
  if (batch.is_v2()) {
    const records::RecordBatchView view = batch.v2();
    line = fmt::format(
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} "
        "producerEpoch: {} "
        "partitionLeaderEpoch: {} isTransactional: {} isControl: {}",
        batch.base_offset, batch.last_offset, view.record_count(), view.base_sequence(), view.last_sequence(),
        view.producer_id(), view.producer_epoch(), view.partition_leader_epoch(), view.is_transactional(),
        view.is_control());
    if (!as_2_8()) line += fmt::format(" deleteHorizonMs: {}", delete_horizon(view));
  } else {
    line = fmt::format("offset: {}", batch.last_offset);
  }
  sinks_.out(line +
             fmt::format(" position: {} {}: {} size: {} magic: {} compresscodec: {} crc: {} isvalid: {}",
                         batch.position, batch.timestamp_type, batch.max_timestamp, batch.bytes.size(),
                         batch.magic, compression_text(batch.compression, as_2_8()), batch.crc, batch.valid));
}

Status Dump::dump_records(const std::string& path, const DumpedBatch& batch, int64_t& last_offset) {
  int64_t base_offset = batch.is_v2() ? batch.base_offset : -1;
  return for_each_record(batch, [&](const records::RecordView& record) {
    // 4.3 misses what lies before a segment, too.
    if (record.offset != last_offset + 1 && !(as_2_8() && last_offset == -1))
      add_finding(gaps_, path, last_offset, record.offset);
    last_offset = record.offset;
    if (base_offset < 0) base_offset = record.offset;
    const auto line = record_line(batch, base_offset, record);
    if (!line.ok()) return line.status();
    sinks_.out(*line);
    return Status();
  });
}

Result<std::string> Dump::record_line(const DumpedBatch& batch, int64_t base_offset,
                                      const records::RecordView& record) const {
  std::string line;
  if (!options_.skip_record_metadata) append_metadata(line, batch, base_offset, record);
  if (!prints_data() || batch.control) return line;
  const auto decoded = decode_record(options_.decoder, options_.style, record);
  if (!decoded.ok()) return decoded.status();
  std::string prefix = options_.skip_record_metadata ? "| " : " ";
  if (decoded->key) {
    line += fmt::format("{}key: {}", prefix, *decoded->key);
    prefix = " ";
  }
  // 2.8 forgets the indentation of a record without a key.
  if (decoded->payload) line += fmt::format("{}payload: {}", as_2_8() ? " " : prefix, *decoded->payload);
  return line;
}

void Dump::append_metadata(std::string& line, const DumpedBatch& batch, int64_t base_offset,
                           const records::RecordView& record) const {
  // Only records of the old formats have a checksum each; those inside a compressed set were checked when
  // read.
  const bool valid = batch.is_v2() || batch.compression != records::Compression::kNone || batch.valid;
  const uint32_t crc = record.legacy_crc;
  if (as_2_8()) {
    const records::RecordBatchView view = batch.v2();
    line = fmt::format(
        "| offset: {} isValid: {} crc: {} keySize: {} valueSize: {} {}: {} baseOffset: {} lastOffset: {} "
        "baseSequence: "
        "{} lastSequence: {} producerEpoch: {} partitionLeaderEpoch: {} batchSize: {} magic: {} "
        "compressType: {} "
        "position: {}",
        record.offset, valid, batch.is_v2() ? "null" : fmt::format("{}", crc), size_of(record.key),
        size_of(record.value), batch.timestamp_type, record.timestamp, base_offset, batch.last_offset,
        batch.is_v2() ? view.base_sequence() : -1, batch.is_v2() ? view.last_sequence() : -1,
        batch.is_v2() ? view.producer_epoch() : -1, batch.is_v2() ? view.partition_leader_epoch() : -1,
        batch.bytes.size(), batch.magic, compression_text(batch.compression, true), batch.position);
    if (!batch.is_v2()) line += fmt::format(" crc: {} isvalid: {}", crc, valid);
  } else {
    line = fmt::format("| offset: {} {}: {} keySize: {} valueSize: {}", record.offset, batch.timestamp_type,
                       record.timestamp, size_of(record.key), size_of(record.value));
    if (!batch.is_v2()) line += fmt::format(" isValid: {} crc: {}", valid, crc);
  }
  if (batch.is_v2())
    line += fmt::format(" sequence: {} headerKeys: {}", sequence_of(batch.v2(), record.offset),
                        header_keys(record));
  if (batch.control) line += describe_control_record(record, options_.style);
}

}  // namespace ottla::storage

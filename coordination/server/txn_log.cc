// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/txn_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "coordination/server/adler32.h"

namespace ottla::coordination {
namespace {

constexpr uint64_t kRecordHead = 12, kWindow = 256 << 10, kSector = 512;
// No transaction is larger: a frame is at most a few MiB, and closing a session names its ephemerals.
constexpr int64_t kLengthMax = int64_t{256} << 20;
constexpr uint8_t kRecordEnd = 'B';
// What one write and the zeros ahead of it can come to; what is longer is not taken for one.
constexpr uint64_t kTornMax = 2 * kLogFill;

void append(std::vector<uint8_t>& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

std::optional<int64_t> zxid_of_name(std::string_view name, std::string_view prefix) {
  if (name.size() <= prefix.size() + 1 || name.substr(0, prefix.size()) != prefix ||
      name[prefix.size()] != '.') {
    return std::nullopt;
  }
  uint64_t zxid = 0;
  const auto [end, error] =
      std::from_chars(name.data() + prefix.size() + 1, name.data() + name.size(), zxid, 16);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return static_cast<int64_t>(zxid);
}

std::string name_of_zxid(std::string_view prefix, int64_t zxid) {
  return fmt::format("{}.{:x}", prefix, static_cast<uint64_t>(zxid));
}

void append_log_header(std::vector<uint8_t>& out) {
  Writer writer;
  jute::FileHeader{jute::kLogMagic, 2, 0}.encode(writer);
  append(out, writer.buffer());
}

void append_log_record(std::vector<uint8_t>& out, const jute::Txn& txn) {
  Writer record;
  record.int64(0);
  record.int32(0);
  jute::encode_txn(record, txn);
  const Bytes body = record.buffer().subspan(kRecordHead);
  // A checksum has 32 bits: the upper half of its eight bytes stays zero.
  record.patch_int32(4, static_cast<int32_t>(adler32(body)));
  record.patch_int32(8, static_cast<int32_t>(body.size()));
  record.int8(static_cast<int8_t>(kRecordEnd));
  append(out, record.buffer());
}

LogReader::LogReader(std::shared_ptr<storage::File> file, uint64_t size)
    : file_(std::move(file)), size_(size) {}

Bytes LogReader::look(uint64_t offset, uint64_t count) {
  const uint64_t start = position_ + offset;
  if (start + count > size_) return {};
  if (start < window_start_ || start + count > window_start_ + window_.size()) {
    window_.resize(std::min(std::max(count, kWindow), size_ - start));
    window_start_ = start;
    const Status read = file_->read_exactly_at(window_, start);
    if (!read.ok()) {
      status_ = read;
      window_.clear();
      return {};
    }
  }
  return Bytes(window_).subspan(start - window_start_, count);
}

LogReader::Next LogReader::fail(const std::string& what) {
  if (status_.ok())
    status_ = Status(ErrorCode::KAFKA_STORAGE_ERROR, fmt::format("{}: {}", file_->path(), what));
  return Next::kFailed;
}

LogReader::Next LogReader::read_header() {
  if (size_ < jute::kFileHeaderSize) return Next::kTorn;
  Reader reader(look(0, jute::kFileHeaderSize));
  const auto header = jute::FileHeader::decode(reader);
  if (!reader.ok()) return fail("cannot be read");
  if (header.magic == 0) return Next::kTorn;
  if (header.magic != jute::kLogMagic) return fail("is no transaction log: it does not begin with ZKLG");
  position_ = jute::kFileHeaderSize;
  return Next::kTxn;
}

LogReader::Next LogReader::next(jute::Txn* txn) {
  if (position_ == 0) {
    const Next header = read_header();
    if (header != Next::kTxn) return header;
  }
  if (position_ == size_) return Next::kEnd;
  const Bytes head = look(0, kRecordHead);
  if (!status_.ok()) return Next::kFailed;
  if (head.empty()) return judge_tail("ends inside a record");
  Reader head_reader(head);
  const int64_t checksum = head_reader.int64();
  const int32_t length = head_reader.int32();
  if (length == 0) return checksum == 0 ? Next::kEnd : judge_tail("has an empty record");
  if (length < 0 || length > kLengthMax) return judge_tail("has a record of impossible length");
  const auto bytes = static_cast<uint64_t>(length);
  const Bytes record = look(kRecordHead, bytes + 1);
  if (!status_.ok()) return Next::kFailed;
  if (record.empty()) return judge_tail("ends inside a record");
  const Bytes body = record.first(bytes);
  if (record[bytes] != kRecordEnd || checksum != static_cast<int64_t>(adler32(body))) {
    return judge_tail("has a record whose checksum is wrong");
  }
  Reader reader(body);
  *txn = jute::decode_txn(reader);
  if (!reader.ok()) {
    return fail(fmt::format("the transaction at byte {} is not understood: {}", position_, reader.error()));
  }
  position_ += kRecordHead + bytes + 1;
  return Next::kTxn;
}

bool LogReader::record_at(uint64_t position) {
  const uint64_t offset = position - position_;
  const Bytes head = look(offset, kRecordHead);
  if (head.empty()) return false;
  Reader reader(head);
  const int64_t checksum = reader.int64();
  const int32_t length = reader.int32();
  if (checksum <= 0 || checksum > 0xffffffffLL || length <= 0 || length > kLengthMax) return false;
  const Bytes record = look(offset + kRecordHead, static_cast<uint64_t>(length) + 1);
  return !record.empty() && record.back() == kRecordEnd &&
         checksum == static_cast<int64_t>(adler32(record.first(static_cast<size_t>(length))));
}

// The disk keeps whole sectors, in any order: one that it did not keep holds the zeros that were there
// before.
bool LogReader::lacks_a_piece(uint64_t end) {
  for (uint64_t at = (position_ + kSector - 1) / kSector * kSector; at + kSector <= end; at += kSector) {
    const Bytes sector = look(at - position_, kSector);
    if (!sector.empty() && std::all_of(sector.begin(), sector.end(), [](uint8_t byte) { return byte == 0; }))
      return true;
  }
  return false;
}

// A write that a crash cut short has nothing whole behind it, or lacks a piece among the zeros that had been
// written ahead, which are the file's last: nobody was answered before all of it was there. Other damage in
// the middle has: then transactions that were acknowledged would be lost without a word, so that is refused.
LogReader::Next LogReader::judge_tail(const char* what) {
  for (uint64_t at = position_ + 1; at + kRecordHead < size_ && status_.ok(); ++at) {
    if (!record_at(at)) continue;
    if (size_ - position_ <= kTornMax && lacks_a_piece(at)) break;
    return fail(fmt::format(
        "{0} at byte {1}, and whole transactions follow at byte {2}: the file is damaged. Restore it from a "
        "backup; to go on without everything from there on, cut it: truncate -s {1} {3}",
        what, position_, at, file_->path()));
  }
  return status_.ok() ? Next::kTorn : Next::kFailed;
}

}  // namespace ottla::coordination

// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/record_batch.h"

#include <cstring>
#include <string>

#include "protocol/records/crc32c.h"

namespace ottla::records {

namespace {

// The smallest length field of a v2 batch.
constexpr int32_t kSmallestV2Length = static_cast<int32_t>(kBatchHeaderSize - kLogOverhead);

template <typename T>
T load(Bytes bytes, size_t position) {
  T value;
  std::memcpy(&value, bytes.data() + position, sizeof(value));
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

template <typename T>
void store(std::span<uint8_t> bytes, size_t position, T value) {
  // Byte order is its own inverse.
  uint8_t raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  const T swapped = load<T>(raw, 0);
  std::memcpy(bytes.data() + position, &swapped, sizeof(T));
}

}  // namespace

int16_t RecordBatchView::int16(size_t position) const { return load<int16_t>(bytes_, position); }
int32_t RecordBatchView::int32(size_t position) const { return load<int32_t>(bytes_, position); }
int64_t RecordBatchView::int64(size_t position) const { return load<int64_t>(bytes_, position); }

int32_t RecordBatchView::last_sequence() const {
  if (base_sequence() == kNoSequence) return kNoSequence;
  // In the 31 bits that Kafka counts in; what a lying header overflows goes the way it goes in Java.
  const auto base = static_cast<uint32_t>(base_sequence());
  const auto delta = static_cast<uint32_t>(last_offset_delta());
  const bool wraps = base_sequence() > static_cast<int32_t>(static_cast<uint32_t>(INT32_MAX) - delta);
  return static_cast<int32_t>(base + delta - (wraps ? 0x80000000u : 0));
}

uint32_t RecordBatchView::computed_crc() const { return crc32c(bytes_.subspan(kAttributesPosition)); }

void RecordBatchEditor::set_base_offset(int64_t offset) { store(bytes_, kBaseOffsetPosition, offset); }

void RecordBatchEditor::set_partition_leader_epoch(int32_t epoch) {
  store(bytes_, kLeaderEpochPosition, epoch);
}

void RecordBatchEditor::set_max_timestamp(int64_t timestamp, bool log_append_time) {
  if (view().max_timestamp() == timestamp && view().is_log_append_time() == log_append_time) return;
  // Bits that nobody knows are lost, as in Kafka.
  constexpr int16_t kOthers = kCompressionMask | kTransactionalFlag | kControlFlag | kDeleteHorizonFlag;
  const auto others = static_cast<int16_t>(view().attributes() & kOthers);
  store(bytes_, kAttributesPosition,
        static_cast<int16_t>(others | (log_append_time ? kLogAppendTimeFlag : 0)));
  store(bytes_, kMaxTimestampPosition, timestamp);
  update_crc();
}

void RecordBatchEditor::set_producer(int64_t producer_id, int16_t producer_epoch, int32_t base_sequence) {
  store(bytes_, kProducerIdPosition, producer_id);
  store(bytes_, kProducerEpochPosition, producer_epoch);
  store(bytes_, kBaseSequencePosition, base_sequence);
  update_crc();
}

void RecordBatchEditor::update_crc() { store(bytes_, kCrcPosition, view().computed_crc()); }

std::optional<Bytes> BatchWalker::next() {
  const Bytes rest = bytes_.subspan(position_);
  if (!status_.ok() || rest.size() <= kMagicPosition) {
    // Too short for a magic; the length is still judged, as Kafka does.
    if (status_.ok() && rest.size() >= kLogOverhead &&
        load<int32_t>(rest, kLengthPosition) < kSmallestLegacyLength) {
      status_ = {ErrorCode::CORRUPT_MESSAGE, "record size is less than the minimum record overhead"};
    }
    return std::nullopt;
  }
  const int32_t length = load<int32_t>(rest, kLengthPosition);
  const int8_t magic = static_cast<int8_t>(rest[kMagicPosition]);
  if (length < kSmallestLegacyLength) {
    status_ = {ErrorCode::CORRUPT_MESSAGE,
               "record size " + std::to_string(length) + " is less than the minimum record overhead"};
    return std::nullopt;
  }
  if (magic < kMagicV0 || magic > kMagicV2) {
    status_ = {ErrorCode::CORRUPT_MESSAGE, "invalid magic " + std::to_string(magic)};
    return std::nullopt;
  }
  if (magic == kMagicV2 && length < kSmallestV2Length) {
    status_ = {ErrorCode::CORRUPT_MESSAGE, "record batch is smaller than its header"};
    return std::nullopt;
  }
  const size_t size = kLogOverhead + static_cast<size_t>(length);
  if (size > rest.size()) return std::nullopt;
  position_ += size;
  return rest.first(size);
}

}  // namespace ottla::records

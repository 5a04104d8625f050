// SPDX-License-Identifier: Apache-2.0
// Short ways to say text, bytes and batches in tests of records.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/records/batch_builder.h"

namespace ottla::records {

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string text_of(const std::optional<Bytes>& bytes) {
  return bytes ? std::string(bytes->begin(), bytes->end()) : "(null)";
}

// A batch of the values, each with key "k" and timestamp 1000, 1001, ...
inline std::vector<uint8_t> batch_of(const std::vector<std::string>& values,
                                     const BatchOptions& options = {}) {
  BatchBuilder builder;
  builder.begin(options);
  int64_t time = 1000;
  for (const std::string& value : values) builder.append(time++, bytes_of("k"), bytes_of(value));
  const auto built = builder.finish();
  return {built.value().begin(), built.value().end()};
}

struct ReadRecord {
  int64_t offset;
  int64_t timestamp;
  std::string key;
  std::string value;
  bool operator==(const ReadRecord&) const = default;
};

// All records of all batches in `bytes`, of any format. Empty where something cannot be read.
inline std::vector<ReadRecord> records_in(Bytes bytes) {
  std::vector<ReadRecord> result;
  RecordReader reader;
  BatchWalker walker(bytes);
  while (const auto batch = walker.next()) {
    if (!reader.open(*batch).ok()) return {};
    while (const auto record = reader.next()) {
      result.push_back({record->offset, record->timestamp, text_of(record->key), text_of(record->value)});
    }
    if (!reader.status().ok()) return {};
  }
  return result;
}

}  // namespace ottla::records

// SPDX-License-Identifier: Apache-2.0
// The batches of a file, one after the other, as far as their sizes lead, whatever else is wrong with them:
// a dump shows what is there (kafka FileLogInputStream). What storage itself takes for a batch is
// batch_scan.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/records/compression.h"
#include "protocol/records/record_reader.h"
#include "protocol/wire/reader.h"
#include "storage/io/file_system.h"

namespace ottla::storage {

// Of any format; the words of its accessors are those of kafka RecordBatch. Views into `bytes`.
struct DumpedBatch {
  uint64_t position = 0;
  Bytes bytes;
  int8_t magic = 2;
  int64_t base_offset = 0;  // for the old formats only where it was asked for, see first_offset()
  int64_t last_offset = 0;
  const char* timestamp_type = "CreateTime";
  int64_t max_timestamp = -1;
  records::Compression compression = records::Compression::kNone;
  uint32_t crc = 0;
  bool valid = false;
  bool control = false;

  bool is_v2() const { return magic >= records::kMagicV2; }
  records::RecordBatchView v2() const { return records::RecordBatchView(bytes); }
};

class FileBatches {
 public:
  // The bytes [begin, end) of `file`.
  FileBatches(std::shared_ptr<File> file, uint64_t begin, uint64_t end)
      : file_(std::move(file)), position_(begin), end_(end) {}

  // Nothing where no whole batch begins any more. CORRUPT_MESSAGE where the stock tool would throw. The batch
  // is valid until the next call.
  Result<std::optional<DumpedBatch>> next();
  // Behind the last batch.
  uint64_t position() const { return position_; }

 private:
  Result<DumpedBatch> take_apart() const;

  std::shared_ptr<File> file_;
  uint64_t position_;
  uint64_t end_;
  std::vector<uint8_t> buffer_;
};

// Calls `visit` with every record of `batch`; the first error of the batch or of `visit`.
Status for_each_record(const DumpedBatch& batch,
                       const std::function<Status(const records::RecordView&)>& visit);

}  // namespace ottla::storage

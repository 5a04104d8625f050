// SPDX-License-Identifier: Apache-2.0
// A record's key and value as text: as they are, or taken apart as what Kafka keeps in its internal topics.
#pragma once

#include <optional>
#include <string>

#include "protocol/base/status.h"
#include "protocol/records/record_reader.h"
#include "storage/dump/dump_log.h"

namespace ottla::storage {

struct DecodedRecord {
  std::optional<std::string> key;
  std::optional<std::string> payload;
};

// INVALID_RECORD where the stock tool would throw; what it passes over is a text that says so.
Result<DecodedRecord> decode_record(DumpOptions::Decoder decoder, DumpOptions::Style style,
                                    const records::RecordView& record);

// " endTxnMarker: COMMIT coordinatorEpoch: 0" and the like for a record of a control batch.
std::string describe_control_record(const records::RecordView& record, DumpOptions::Style style);

// `bytes` as Java decodes UTF-8: every part that is none becomes U+FFFD.
std::string utf8_text(Bytes bytes);

}  // namespace ottla::storage

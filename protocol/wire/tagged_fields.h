// SPDX-License-Identifier: Apache-2.0
// Tagged fields (KIP-482) that the specs do not know: kept as they came and written again, in tag order
// between the known.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla::protocol {

// `data` is a view: into the frame after decode, into what the caller keeps alive for encode.
struct RawTaggedField {
  uint32_t tag = 0;
  Bytes data;
};

// The tag section of a structure that knows no tags of its own at this version.
void read_unknown_tagged_fields(Reader& reader, std::vector<RawTaggedField>& unknown);
void write_unknown_tagged_fields(Writer& writer, const std::vector<RawTaggedField>& unknown);

// Writes a tag section of `known_count` known fields, given in tag order, and the unknown ones between them.
class TaggedFieldsWriter {
 public:
  // REQUIRES: `unknown` is in ascending tag order, as every Kafka client sends it, and outlives the object.
  TaggedFieldsWriter(Writer& writer, uint32_t known_count, const std::vector<RawTaggedField>& unknown);
  // Before a known field: the content goes to the Writer, then end(mark).
  size_t begin(uint32_t tag);
  void end(size_t mark) { writer_.end_tagged_field(mark); }
  // After the last known field.
  void finish();

 private:
  Writer& writer_;
  const std::vector<RawTaggedField>& unknown_;
  size_t next_unknown_ = 0;
};

}  // namespace ottla::protocol

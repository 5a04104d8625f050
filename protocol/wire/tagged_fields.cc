// SPDX-License-Identifier: Apache-2.0
#include "protocol/wire/tagged_fields.h"

namespace ottla::protocol {

namespace {

void write_raw(Writer& writer, const RawTaggedField& field) {
  writer.unsigned_varint(field.tag);
  writer.unsigned_varint(static_cast<uint32_t>(field.data.size()));
  writer.raw(field.data);
}

}  // namespace

void read_unknown_tagged_fields(Reader& reader, std::vector<RawTaggedField>& unknown) {
  unknown.clear();
  const uint32_t count = reader.unsigned_varint();
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    const uint32_t tag = reader.unsigned_varint();
    const Bytes data = reader.raw(reader.unsigned_varint());
    // Twice, for the capacity beyond the size.
    if (reader.take_memory(2, sizeof(RawTaggedField))) unknown.push_back({tag, data});
  }
}

void write_unknown_tagged_fields(Writer& writer, const std::vector<RawTaggedField>& unknown) {
  writer.unsigned_varint(static_cast<uint32_t>(unknown.size()));
  for (const RawTaggedField& field : unknown) write_raw(writer, field);
}

TaggedFieldsWriter::TaggedFieldsWriter(Writer& writer, uint32_t known_count,
                                       const std::vector<RawTaggedField>& unknown)
    : writer_(writer), unknown_(unknown) {
  writer_.unsigned_varint(known_count + static_cast<uint32_t>(unknown_.size()));
}

size_t TaggedFieldsWriter::begin(uint32_t tag) {
  while (next_unknown_ < unknown_.size() && unknown_[next_unknown_].tag < tag) {
    write_raw(writer_, unknown_[next_unknown_++]);
  }
  return writer_.begin_tagged_field(tag);
}

void TaggedFieldsWriter::finish() {
  while (next_unknown_ < unknown_.size()) write_raw(writer_, unknown_[next_unknown_++]);
}

}  // namespace ottla::protocol

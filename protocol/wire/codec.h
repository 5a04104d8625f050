// SPDX-License-Identifier: Apache-2.0
// What generated message code is made of: one out-of-line call per field, so that 292 messages compile
// quickly. `flexible` chooses the compact encodings of KIP-482. `may_be_null` says whether this version
// allows null: where it does not, reading a null fails the Reader, and writing one writes the empty value.
// Reading reuses the capacity of the vectors given, and takes its memory from the Reader's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/wire/reader.h"
#include "protocol/wire/records_field.h"
#include "protocol/wire/tagged_fields.h"
#include "protocol/wire/writer.h"

namespace ottla::protocol::codec {

using NullableText = std::optional<std::string_view>;
using NullableBytes = std::optional<Bytes>;

std::string_view read_string(Reader& reader, bool flexible);
NullableText read_nullable_string(Reader& reader, bool flexible, bool may_be_null);
Bytes read_bytes(Reader& reader, bool flexible);
NullableBytes read_nullable_bytes(Reader& reader, bool flexible, bool may_be_null);
void read_records(Reader& reader, bool flexible, bool may_be_null, RecordsField& out);
// The count, 0 after an error; -1 for null, only where may_be_null.
int32_t read_count(Reader& reader, bool flexible, bool may_be_null, size_t min_element_size);
// Whether a structure that may be null follows.
bool read_presence(Reader& reader, bool may_be_null);

void write_string(Writer& writer, bool flexible, std::string_view value);
void write_nullable_string(Writer& writer, bool flexible, bool may_be_null, const NullableText& value);
void write_bytes(Writer& writer, bool flexible, Bytes value);
void write_nullable_bytes(Writer& writer, bool flexible, bool may_be_null, const NullableBytes& value);
void write_records(Writer& writer, bool flexible, bool may_be_null, const RecordsField& value);
void write_count(Writer& writer, bool flexible, size_t count);
void write_null_count(Writer& writer, bool flexible, bool may_be_null);

// Arrays of numbers, uuids and strings; instantiated in codec.cc for each type that specs may use.
template <typename T>
void read_array(Reader& reader, bool flexible, std::vector<T>& out);
template <typename T>
void read_nullable_array(Reader& reader, bool flexible, bool may_be_null, std::optional<std::vector<T>>& out);
template <typename T>
void write_array(Writer& writer, bool flexible, const std::vector<T>& values);
template <typename T>
void write_nullable_array(Writer& writer, bool flexible, bool may_be_null,
                          const std::optional<std::vector<T>>& values);

// What an element is charged for beside its own size: whoever handles it keeps something for it and answers
// something.
constexpr size_t kBesideElement = 160;

template <typename S>
void read_elements(Reader& reader, int16_t version, int32_t count, std::vector<S>& out) {
  if (!reader.take_memory(static_cast<size_t>(count), sizeof(S) + kBesideElement)) return;
  out.resize(static_cast<size_t>(count));
  for (S& element : out) {
    if (!reader.ok()) return;
    element.decode(reader, version);
  }
}

template <typename S>
void read_structs(Reader& reader, int16_t version, bool flexible, size_t min_size, std::vector<S>& out) {
  read_elements(reader, version, read_count(reader, flexible, false, min_size), out);
}

template <typename S>
void read_nullable_structs(Reader& reader, int16_t version, bool flexible, bool may_be_null, size_t min_size,
                           std::optional<std::vector<S>>& out) {
  const int32_t count = read_count(reader, flexible, may_be_null, min_size);
  if (count < 0) {
    out.reset();
    return;
  }
  if (!out) out.emplace();
  read_elements(reader, version, count, *out);
}

template <typename S>
void write_structs(Writer& writer, int16_t version, bool flexible, const std::vector<S>& values) {
  write_count(writer, flexible, values.size());
  for (const S& value : values) value.encode(writer, version);
}

template <typename S>
void write_nullable_structs(Writer& writer, int16_t version, bool flexible, bool may_be_null,
                            const std::optional<std::vector<S>>& values) {
  if (values) {
    write_structs(writer, version, flexible, *values);
  } else {
    write_null_count(writer, flexible, may_be_null);
  }
}

template <typename S>
void read_nullable_struct(Reader& reader, int16_t version, bool may_be_null, std::optional<S>& out) {
  if (!read_presence(reader, may_be_null)) {
    out.reset();
    return;
  }
  if (!out) out.emplace();
  out->decode(reader, version);
}

template <typename S>
void write_nullable_struct(Writer& writer, int16_t version, bool may_be_null, const std::optional<S>& value) {
  if (may_be_null) writer.int8(value ? 1 : -1);
  if (value) {
    value->encode(writer, version);
  } else if (!may_be_null) {
    S{}.encode(writer, version);
  }
}

// A tagged structure that may be null has an unsigned varint in front, 0 for null, where an untagged one has
// an int8.
template <typename S>
void read_tagged_nullable_struct(Reader& reader, int16_t version, std::optional<S>& out) {
  if (reader.unsigned_varint() == 0) {
    out.reset();
    return;
  }
  if (!out) out.emplace();
  out->decode(reader, version);
}

template <typename S>
void write_tagged_nullable_struct(Writer& writer, int16_t version, const std::optional<S>& value) {
  writer.unsigned_varint(value ? 1 : 0);
  if (value) value->encode(writer, version);
}

}  // namespace ottla::protocol::codec

// SPDX-License-Identifier: Apache-2.0
#include "protocol/wire/codec.h"

namespace ottla::protocol::codec {

std::string_view read_string(Reader& reader, bool flexible) {
  return flexible ? reader.compact_string() : reader.string();
}

NullableText read_nullable_string(Reader& reader, bool flexible, bool may_be_null) {
  if (!may_be_null) return read_string(reader, flexible);
  return flexible ? reader.nullable_compact_string() : reader.nullable_string();
}

Bytes read_bytes(Reader& reader, bool flexible) { return flexible ? reader.compact_bytes() : reader.bytes(); }

NullableBytes read_nullable_bytes(Reader& reader, bool flexible, bool may_be_null) {
  if (!may_be_null) return read_bytes(reader, flexible);
  return flexible ? reader.nullable_compact_bytes() : reader.nullable_bytes();
}

void read_records(Reader& reader, bool flexible, bool may_be_null, RecordsField& out) {
  const NullableBytes bytes = read_nullable_bytes(reader, flexible, may_be_null);
  out = bytes ? RecordsField::of(*bytes) : RecordsField{};
}

int32_t read_count(Reader& reader, bool flexible, bool may_be_null, size_t min_element_size) {
  const int32_t count =
      flexible ? reader.compact_array_length(min_element_size) : reader.array_length(min_element_size);
  if (count >= 0 || may_be_null) return count;
  reader.fail("null in an array that may not be null");
  return 0;
}

bool read_presence(Reader& reader, bool may_be_null) {
  if (!may_be_null) return true;
  const int8_t mark = reader.int8();
  return reader.ok() && mark >= 0;
}

void write_string(Writer& writer, bool flexible, std::string_view value) {
  if (flexible) {
    writer.compact_string(value);
  } else {
    writer.string(value);
  }
}

void write_nullable_string(Writer& writer, bool flexible, bool may_be_null, const NullableText& value) {
  if (value || !may_be_null) {
    write_string(writer, flexible, value.value_or(std::string_view{}));
  } else if (flexible) {
    writer.unsigned_varint(0);
  } else {
    writer.int16(-1);
  }
}

void write_bytes(Writer& writer, bool flexible, Bytes value) {
  if (flexible) {
    writer.compact_bytes(value);
  } else {
    writer.bytes(value);
  }
}

void write_nullable_bytes(Writer& writer, bool flexible, bool may_be_null, const NullableBytes& value) {
  if (value) {
    write_bytes(writer, flexible, *value);
  } else {
    write_null_count(writer, flexible, may_be_null);
  }
}

void write_records(Writer& writer, bool flexible, bool may_be_null, const RecordsField& value) {
  if (value.is_null) {
    write_null_count(writer, flexible, may_be_null);
    return;
  }
  write_count(writer, flexible, value.size());
  if (value.slice.file) {
    writer.splice(value.slice);
  } else {
    writer.raw(value.bytes);
  }
}

void write_count(Writer& writer, bool flexible, size_t count) {
  if (flexible) {
    writer.unsigned_varint(static_cast<uint32_t>(count + 1));
  } else {
    writer.int32(static_cast<int32_t>(count));
  }
}

void write_null_count(Writer& writer, bool flexible, bool may_be_null) {
  if (!may_be_null) {
    write_count(writer, flexible, 0);
  } else if (flexible) {
    writer.unsigned_varint(0);
  } else {
    writer.int32(-1);
  }
}

namespace {

// How one array element is read and written, and the fewest bytes it takes.
template <typename T>
struct Element;

#define OTTLA_NUMBER_ELEMENT(type, method, size)                                         \
  template <>                                                                            \
  struct Element<type> {                                                                 \
    static constexpr size_t min_size(bool) { return size; }                              \
    static type read(Reader& reader, bool) { return reader.method(); }                   \
    static void write(Writer& writer, bool, const type& value) { writer.method(value); } \
  }
OTTLA_NUMBER_ELEMENT(int8_t, int8, 1);
OTTLA_NUMBER_ELEMENT(int16_t, int16, 2);
OTTLA_NUMBER_ELEMENT(uint16_t, uint16, 2);
OTTLA_NUMBER_ELEMENT(int32_t, int32, 4);
OTTLA_NUMBER_ELEMENT(uint32_t, uint32, 4);
OTTLA_NUMBER_ELEMENT(int64_t, int64, 8);
OTTLA_NUMBER_ELEMENT(double, float64, 8);
OTTLA_NUMBER_ELEMENT(Uuid, uuid, 16);
#undef OTTLA_NUMBER_ELEMENT

template <>
struct Element<std::string_view> {
  static constexpr size_t min_size(bool flexible) { return flexible ? 1 : 2; }
  static std::string_view read(Reader& reader, bool flexible) { return read_string(reader, flexible); }
  static void write(Writer& writer, bool flexible, std::string_view value) {
    write_string(writer, flexible, value);
  }
};

template <>
struct Element<Bytes> {
  static constexpr size_t min_size(bool flexible) { return flexible ? 1 : 4; }
  static Bytes read(Reader& reader, bool flexible) { return read_bytes(reader, flexible); }
  static void write(Writer& writer, bool flexible, Bytes value) { write_bytes(writer, flexible, value); }
};

template <typename T>
void read_values(Reader& reader, bool flexible, int32_t count, std::vector<T>& out) {
  if (!reader.take_memory(static_cast<size_t>(count), sizeof(T) + kBesideElement)) return;
  out.resize(static_cast<size_t>(count));
  for (T& value : out) value = Element<T>::read(reader, flexible);
}

}  // namespace

template <typename T>
void read_array(Reader& reader, bool flexible, std::vector<T>& out) {
  read_values(reader, flexible, read_count(reader, flexible, false, Element<T>::min_size(flexible)), out);
}

template <typename T>
void read_nullable_array(Reader& reader, bool flexible, bool may_be_null,
                         std::optional<std::vector<T>>& out) {
  const int32_t count = read_count(reader, flexible, may_be_null, Element<T>::min_size(flexible));
  if (count < 0) {
    out.reset();
    return;
  }
  if (!out) out.emplace();
  read_values(reader, flexible, count, *out);
}

template <typename T>
void write_array(Writer& writer, bool flexible, const std::vector<T>& values) {
  write_count(writer, flexible, values.size());
  for (const T& value : values) Element<T>::write(writer, flexible, value);
}

template <typename T>
void write_nullable_array(Writer& writer, bool flexible, bool may_be_null,
                          const std::optional<std::vector<T>>& values) {
  if (values) {
    write_array(writer, flexible, *values);
  } else {
    write_null_count(writer, flexible, may_be_null);
  }
}

#define OTTLA_INSTANTIATE(T)                                                              \
  template void read_array(Reader&, bool, std::vector<T>&);                               \
  template void read_nullable_array(Reader&, bool, bool, std::optional<std::vector<T>>&); \
  template void write_array(Writer&, bool, const std::vector<T>&);                        \
  template void write_nullable_array(Writer&, bool, bool, const std::optional<std::vector<T>>&)
OTTLA_INSTANTIATE(int8_t);
OTTLA_INSTANTIATE(int16_t);
OTTLA_INSTANTIATE(uint16_t);
OTTLA_INSTANTIATE(int32_t);
OTTLA_INSTANTIATE(uint32_t);
OTTLA_INSTANTIATE(int64_t);
OTTLA_INSTANTIATE(double);
OTTLA_INSTANTIATE(Uuid);
OTTLA_INSTANTIATE(std::string_view);
OTTLA_INSTANTIATE(Bytes);
#undef OTTLA_INSTANTIATE

}  // namespace ottla::protocol::codec

// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/message_json.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "protocol/wire/codec.h"

namespace ottla::protocol {

namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return value;
}

class Walker {
 public:
  Walker(const SchemaTable& table, const MessageSchema& message, int16_t version, Bytes bytes, size_t start,
         const JsonOptions& options)
      : table_(table),
        version_(version),
        flexible_(version >= message.first_flexible_version),
        bytes_(bytes),
        start_(start),
        options_(options) {}

  Json read_struct(Reader& reader, uint16_t index) {
    const std::span<const FieldSchema> fields = table_.fields_of(index);
    // In the order of the spec, although tagged fields come last on the wire.
    std::vector<Json> values(fields.size(), Json(Json::value_t::discarded));
    for (size_t i = 0; i < fields.size() && reader.ok(); ++i) {
      if (!fields[i].versions.contains(version_) || is_tagged(fields[i])) continue;
      values[i] = read_field(reader, fields[i], false);
    }
    Json unknown = Json::array();
    if (flexible_ && reader.ok()) read_tags(reader, fields, values, unknown);
    Json object = Json::object();
    for (size_t i = 0; i < fields.size(); ++i) {
      if (!values[i].is_discarded()) put(object, fields[i], std::move(values[i]));
    }
    if (options_.unknown_tagged_fields && !unknown.empty())
      object["unknownTaggedFields"] = std::move(unknown);
    return object;
  }

  // Remembers the first failure: the innermost field is told of it first.
  void note(const Reader& reader, std::string_view field) {
    if (reader.ok()) return;
    if (error_.reason.empty()) {
      error_.reason = reader.error();
      error_.offset = start_ + reader.position();
    }
    if (field.empty()) return;
    const bool joint = !error_.field.empty() && error_.field[0] != '[';
    error_.field = std::string(field) + (joint ? "." : "") + error_.field;
  }

  const MessageError& error() const { return error_; }

 private:
  bool is_tagged(const FieldSchema& field) const { return field.tag >= 0 && field.tagged.contains(version_); }

  void put(Json& object, const FieldSchema& field, Json value) const {
    const std::string name(table_.text(field.json_name));
    const bool size = field.type == FieldType::kRecords && value.is_number();
    object[size ? name + "SizeInBytes" : name] = std::move(value);
  }

  Json read_field(Reader& reader, const FieldSchema& field, bool tagged) {
    const bool flexible = tagged || (flexible_ && !field.never_flexible);
    const bool may_be_null = field.nullable.contains(version_);
    Json value = field.is_array ? read_array(reader, field, flexible, may_be_null)
                                : read_value(reader, field, flexible, may_be_null, tagged);
    note(reader, table_.text(field.json_name));
    return value;
  }

  Json read_array(Reader& reader, const FieldSchema& field, bool flexible, bool may_be_null) {
    const int32_t count = codec::read_count(reader, flexible, may_be_null, 1);
    if (count < 0) return nullptr;
    Json array = Json::array();
    for (int32_t i = 0; i < count && reader.ok(); ++i) {
      array.push_back(read_value(reader, field, flexible, false, false));
      note(reader, fmt::format("[{}]", i));
    }
    return array;
  }

  Json read_value(Reader& reader, const FieldSchema& field, bool flexible, bool may_be_null, bool tagged) {
    switch (field.type) {
      case FieldType::kBool:
        return reader.boolean();
      case FieldType::kInt8:
        return reader.int8();
      case FieldType::kInt16:
        return reader.int16();
      case FieldType::kUint16:
        return reader.uint16();
      case FieldType::kInt32:
        return reader.int32();
      case FieldType::kUint32:
        return reader.uint32();
      case FieldType::kInt64:
        return reader.int64();
      case FieldType::kFloat64:
        return number(reader.float64());
      case FieldType::kUuid:
        return reader.uuid().to_string();
      case FieldType::kString: {
        const auto text = codec::read_nullable_string(reader, flexible, may_be_null);
        return text ? Json(std::string(*text)) : Json(nullptr);
      }
      case FieldType::kBytes: {
        const auto bytes = codec::read_nullable_bytes(reader, flexible, may_be_null);
        return bytes ? Json(base64(*bytes)) : Json(nullptr);
      }
      case FieldType::kRecords:
        return read_records(reader, flexible, may_be_null);
      case FieldType::kStruct:
        break;
    }
    // A tagged structure that may be null has an unsigned varint in front, another one an int8.
    if (tagged && may_be_null && reader.unsigned_varint() == 0) return nullptr;
    if (!tagged && !codec::read_presence(reader, may_be_null)) return nullptr;
    return read_struct(reader, field.struct_index);
  }

  Json read_records(Reader& reader, bool flexible, bool may_be_null) const {
    const auto bytes = codec::read_nullable_bytes(reader, flexible, may_be_null);
    if (!bytes) return nullptr;
    switch (options_.records) {
      case JsonOptions::Records::kEmpty:
        return "";
      case JsonOptions::Records::kSize:
        return bytes->size();
      case JsonOptions::Records::kBase64:
        break;
    }
    return base64(*bytes);
  }

  void read_tags(Reader& reader, std::span<const FieldSchema> fields, std::vector<Json>& values,
                 Json& unknown) {
    std::vector<RawTaggedField> tags;
    read_unknown_tagged_fields(reader, tags);
    if (!reader.ok()) {
      note(reader, "(tagged fields)");
      return;
    }
    for (const RawTaggedField& tag : tags) {
      size_t i = 0;
      while (i < fields.size() && !(is_tagged(fields[i]) && fields[i].versions.contains(version_) &&
                                    fields[i].tag == static_cast<int64_t>(tag.tag))) {
        ++i;
      }
      if (i == fields.size()) {
        unknown.push_back(Json{{"tag", tag.tag}, {"data", base64(tag.data)}});
        continue;
      }
      const size_t outer_start = start_;
      start_ = static_cast<size_t>(tag.data.data() - bytes_.data());
      Reader content(tag.data);
      values[i] = read_field(content, fields[i], true);
      start_ = outer_start;
      if (content.ok()) continue;
      reader.fail(content.error());
      return;
    }
  }

  const SchemaTable& table_;
  int16_t version_;
  bool flexible_;
  Bytes bytes_;
  // Where in bytes_ the current Reader began.
  size_t start_;
  const JsonOptions& options_;
  MessageError error_;
};

}  // namespace

std::string MessageError::text() const {
  return fmt::format("{}{}{} at byte {}", field, field.empty() ? "" : ": ", reason, offset);
}

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(Bytes bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < count ? bytes[i + j] : 0);
    for (size_t j = 0; j < 4; ++j) out += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

std::vector<uint8_t> from_base64(std::string_view text) {
  std::vector<uint8_t> out;
  uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    group = group << 6 | static_cast<uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<uint8_t>(group >> bits));
  }
  return out;
}

std::optional<Json> message_to_json(const SchemaTable& table, const MessageSchema& message, int16_t version,
                                    Bytes bytes, size_t& position, const JsonOptions& options,
                                    MessageError& error) {
  Walker walker(table, message, version, bytes, position, options);
  Reader reader(bytes.subspan(position));
  Json value = walker.read_struct(reader, message.struct_index);
  walker.note(reader, "");
  if (!reader.ok()) {
    error = walker.error();
    return std::nullopt;
  }
  position += reader.position();
  return value;
}

std::string dump(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ottla::protocol

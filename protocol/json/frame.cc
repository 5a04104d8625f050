// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/frame.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "protocol/generated/api_keys.h"

namespace ottla::protocol {

namespace {

using Json = nlohmann::ordered_json;

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_separator(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ':' || c == ','; }

std::string shown(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > ' ' && byte < 0x7f ? fmt::format("'{}'", c) : fmt::format("byte 0x{:02x}", byte);
}

FrameText failure(std::string text) { return {false, std::move(text)}; }

// Reads one frame: headers and body, with an error that names the part.
class FrameDecoder {
 public:
  FrameDecoder(Bytes bytes, const FrameOptions& options) : bytes_(bytes), options_(options) {
    json_.records = options.records ? JsonOptions::Records::kBase64 : JsonOptions::Records::kSize;
    json_.unknown_tagged_fields = true;
    Reader reader(bytes);
    if (bytes.size() > 4 && static_cast<size_t>(static_cast<uint32_t>(reader.int32())) == bytes.size() - 4)
      position_ = 4;
  }

  FrameText run() {
    if (!options_.message.empty()) return named_message();
    return options_.response ? response() : request();
  }

 private:
  FrameText named_message() {
    position_ = 0;
    const MessageSchema* message = table_.find(options_.message);
    if (message == nullptr)
      return failure(fmt::format("there is no message '{}': 'ottla messages' lists them", options_.message));
    if (!options_.version) return failure(fmt::format("{} needs --version", options_.message));
    if (!body(*message, *options_.version)) return failure(std::move(error_));
    return done(std::move(out_["body"]));
  }

  FrameText request() {
    if (bytes_.size() < position_ + 4) {
      return failure(
          fmt::format("a request begins with key and version, but the frame ends at byte {}", bytes_.size()));
    }
    Reader reader(bytes_.subspan(position_));
    const int16_t key = reader.int16();
    const int16_t version = reader.int16();
    if (options_.key && *options_.key != key)
      return failure(fmt::format("the request has key {} at byte {}, not {}", key, position_, *options_.key));
    if (options_.version && *options_.version != version)
      return failure(fmt::format("the request has version {} at byte {}, not {}", version, position_ + 2,
                                 *options_.version));
    const MessageSchema* message = table_.find(MessageKind::kRequest, key);
    if (message == nullptr)
      return failure(fmt::format("there is no API with key {} (byte {})", key, position_));
    // Before the header: its shape depends on whether this is a version at all.
    if (!known_version(*message, version)) {
      if (key == 0 && position_ == 0)
        error_ +=
            fmt::format("; or, if the first four bytes are its length, {} bytes should follow and {} do",
                        static_cast<uint16_t>(version), bytes_.size() - 4);
      return failure(std::move(error_));
    }
    out_["api"] = find_api(key)->name;
    out_["version"] = version;
    const int16_t header = request_header_version(static_cast<ApiKey>(key), version);
    if (!part("RequestHeader", header) || !body(*message, version)) return failure(std::move(error_));
    return done(std::move(out_));
  }

  FrameText response() {
    if (!options_.key || !options_.version)
      return failure("a response does not say what it is: give --key and --version");
    const auto key = static_cast<int16_t>(*options_.key);
    const MessageSchema* message = table_.find(MessageKind::kResponse, key);
    if (message == nullptr) return failure(fmt::format("there is no API with key {}", *options_.key));
    if (!known_version(*message, *options_.version)) return failure(std::move(error_));
    const auto version = static_cast<int16_t>(*options_.version);
    out_["api"] = find_api(key)->name;
    out_["version"] = version;
    const int16_t header = response_header_version(static_cast<ApiKey>(key), version);
    if (!part("ResponseHeader", header) || !body(*message, version)) return failure(std::move(error_));
    return done(std::move(out_));
  }

  bool known_version(const MessageSchema& message, int version) {
    if (message.versions.contains(version)) return true;
    error_ = fmt::format("{} has versions {} to {}, not {}", table_.text(message.name),
                         message.versions.lowest, message.versions.highest, version);
    return false;
  }

  bool part(const char* name, int16_t version) {
    out_["headerVersion"] = version;
    return read(*table_.find(name), version, "header");
  }

  bool body(const MessageSchema& message, int version) {
    if (!known_version(message, version) || !read(message, static_cast<int16_t>(version), "body"))
      return false;
    if (position_ == bytes_.size()) return true;
    error_ = fmt::format("{} version {} ends at byte {}, but the frame has {} bytes",
                         table_.text(message.name), version, position_, bytes_.size());
    return false;
  }

  bool read(const MessageSchema& message, int16_t version, const char* name) {
    MessageError error;
    auto value = message_to_json(table_, message, version, bytes_, position_, json_, error);
    if (!value) {
      error_ = fmt::format("{} version {}: {}", table_.text(message.name), version, error.text());
      return false;
    }
    out_[name] = std::move(*value);
    return true;
  }

  static FrameText done(const Json& value) { return {true, dump(value, 2) + "\n"}; }

  const SchemaTable& table_ = message_schemas();
  Bytes bytes_;
  const FrameOptions& options_;
  JsonOptions json_;
  size_t position_ = 0;
  Json out_ = Json::object();
  std::string error_;
};

}  // namespace

FrameText parse_hex(std::string_view text, std::vector<uint8_t>& bytes) {
  bytes.clear();
  size_t at = text.starts_with("0x") || text.starts_with("0X") ? 2 : 0;
  while (at < text.size()) {
    if (is_separator(text[at])) {
      ++at;
      continue;
    }
    const int high = digit_value(text[at]);
    const int low = at + 1 < text.size() ? digit_value(text[at + 1]) : -1;
    if (high < 0 || low < 0) {
      const size_t bad = high < 0 ? at : at + 1;
      if (bad == text.size()) return failure("half a byte at the end: the number of digits is odd");
      return failure(fmt::format("{} at character {} is not a hexadecimal digit", shown(text[bad]), bad));
    }
    bytes.push_back(static_cast<uint8_t>(high * 16 + low));
    at += 2;
  }
  if (bytes.empty()) return failure("no bytes given");
  return {true, ""};
}

FrameText parse_frame_input(std::string_view input, std::vector<uint8_t>& bytes) {
  const bool text = std::all_of(input.begin(), input.end(), [](char c) {
    return is_separator(c) || (static_cast<unsigned char>(c) > ' ' && static_cast<unsigned char>(c) < 0x7f);
  });
  if (text) return parse_hex(input, bytes);
  bytes.assign(input.begin(), input.end());
  return {true, ""};
}

FrameText decode_frame(Bytes bytes, const FrameOptions& options) {
  return FrameDecoder(bytes, options).run();
}

std::optional<int16_t> api_key_of(std::string_view name_or_key) {
  int key = -1;
  const auto [end, error] = std::from_chars(name_or_key.data(), name_or_key.data() + name_or_key.size(), key);
  const bool is_number = error == std::errc() && end == name_or_key.data() + name_or_key.size();
  for (const ApiInfo& api : kApis) {
    const std::string_view name = api.name;
    const bool same = is_number ? key == static_cast<int>(api.key)
                                : name.size() == name_or_key.size() &&
                                      strncasecmp(name.data(), name_or_key.data(), name.size()) == 0;
    if (same) return static_cast<int16_t>(api.key);
  }
  return std::nullopt;
}

}  // namespace ottla::protocol

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "protocol/generator/emitter.h"
#include "protocol/generator/names.h"

namespace ottla::generator {

namespace {

constexpr const char* kApiKeysTail = R"(
// The table's row for a key from the wire, null where Kafka has none.
constexpr const ApiInfo* find_api(int16_t key) {
  for (const ApiInfo& api : kApis) {
    if (static_cast<int16_t>(api.key) == key) return &api;
  }
  return nullptr;
}

// The version of the RequestHeader in front of a request: KIP-482; the oldest ControlledShutdown has no client id. 1 for a key
// that is not in the table.
constexpr int16_t request_header_version(ApiKey key, int16_t version) {
  if (key == ApiKey::kControlledShutdown && version == 0) return 0;
  const ApiInfo* api = find_api(static_cast<int16_t>(key));
  return api != nullptr && version >= api->first_flexible_version ? 2 : 1;
}

// The version of the ResponseHeader. ApiVersions is always 0, so that a client that guessed its version too high can read the
// answer (KIP-511).
constexpr int16_t response_header_version(ApiKey key, int16_t version) {
  if (key == ApiKey::kApiVersions) return 0;
  const ApiInfo* api = find_api(static_cast<int16_t>(key));
  return api != nullptr && version >= api->first_flexible_version ? 1 : 0;
}

}  // namespace ottla::protocol
)";

std::string api_name(const Message& request) {
  return request.name.substr(0, request.name.size() - std::string("Request").size());
}

}  // namespace

std::string emit_api_keys(const std::vector<Message>& messages) {
  std::vector<const Message*> requests;
  for (const Message& message : messages) {
    if (message.kind == "request") requests.push_back(&message);
  }
  std::sort(requests.begin(), requests.end(),
            [](const Message* a, const Message* b) { return *a->key < *b->key; });
  std::string out =
      "// Generated from protocol/messages. Do not edit.\n#pragma once\n\n#include <cstdint>\n\n";
  out += "namespace ottla::protocol {\n\nenum class ApiKey : int16_t {\n";
  for (const Message* request : requests)
    out += fmt::format("  k{} = {},\n", api_name(*request), *request->key);
  out +=
      "};\n\n// What the specs know of an API. first_flexible_version is 32767 where no version is "
      "flexible.\n";
  out +=
      "struct ApiInfo {\n  ApiKey key;\n  const char* name;\n  int16_t lowest_version;\n  int16_t "
      "highest_version;\n";
  out +=
      "  int16_t first_flexible_version;\n  bool latest_version_unstable;\n};\n\n// In the order of keys.\n";
  out += "inline constexpr ApiInfo kApis[] = {\n";
  for (const Message* request : requests) {
    const int flexible = request->flexible.empty() ? VersionRange::kOpen : request->flexible.lowest;
    out += fmt::format("    {{ApiKey::k{0}, \"{0}\", {1}, {2}, {3}, {4}}},\n", api_name(*request),
                       request->versions.lowest, request->versions.highest, flexible,
                       request->latest_version_unstable);
  }
  return out + "};\n" + kApiKeysTail;
}

std::string emit_registry(const std::vector<const Message*>& messages, const std::string& function) {
  std::string out =
      "// Generated from protocol/messages. Do not edit.\n#include \"tests/protocol/message_registry.h\"\n\n";
  for (const Message* message : messages) {
    out += fmt::format("#include \"protocol/generated/{}.h\"\n", file_stem(message->name));
  }
  out +=
      fmt::format("\nnamespace ottla::protocol {{\n\nconst std::vector<MessageEntry>& {}() {{\n", function);
  out += "  static const std::vector<MessageEntry> entries = {\n";
  for (const Message* message : messages)
    out += fmt::format("      make_entry<{0}>(\"{0}\"),\n", message->name);
  return out + "  };\n  return entries;\n}\n\n}  // namespace ottla::protocol\n";
}

}  // namespace ottla::generator

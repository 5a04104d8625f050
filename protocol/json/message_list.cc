// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/message_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/json/frame.h"
#include "protocol/json/schema.h"

namespace ottla::protocol {

namespace {

std::string span_text(const VersionSpan& span) {
  if (span.highest == INT16_MAX) return fmt::format("{}+", span.lowest);
  if (span.lowest == span.highest) return fmt::format("{}", span.lowest);
  return fmt::format("{}-{}", span.lowest, span.highest);
}

const char* kind_text(MessageKind kind) {
  switch (kind) {
    case MessageKind::kRequest:
      return "request";
    case MessageKind::kResponse:
      return "response";
    case MessageKind::kHeader:
      return "header";
    case MessageKind::kData:
      return "data";
    case MessageKind::kMetadata:
      return "metadata record";
    case MessageKind::kCoordinatorKey:
      return "key of an internal topic";
    case MessageKind::kCoordinatorValue:
      return "value of an internal topic";
  }
  return "";
}

class MessageLister {
 public:
  explicit MessageLister(std::optional<int> version) : version_(version) {}

  std::string run(const MessageSchema& message) {
    out_ += fmt::format("{}: {}", table_.text(message.name), kind_text(message.kind));
    if (message.key >= 0) out_ += fmt::format(", key {}", message.key);
    if (version_) {
      out_ += fmt::format(", version {}{}", *version_,
                          *version_ >= message.first_flexible_version ? ", flexible" : "");
    } else {
      out_ += ", versions " + span_text(message.versions);
      if (message.first_flexible_version < INT16_MAX)
        out_ += fmt::format(", flexible {}+", message.first_flexible_version);
    }
    const bool preview = message.latest_version_unstable &&
                         version_.value_or(message.versions.highest) == message.versions.highest;
    if (preview) out_ += fmt::format(", {} is a preview", message.versions.highest);
    out_ += "\n";
    add_fields(message.struct_index, 1);
    return std::move(out_);
  }

 private:
  void add_fields(uint16_t struct_index, int level) {
    for (const FieldSchema& field : table_.fields_of(struct_index)) {
      if (version_ && !field.versions.contains(*version_)) continue;
      add_field(field, level);
      if (field.type == FieldType::kStruct) add_fields(field.struct_index, level + 1);
    }
  }

  void add_field(const FieldSchema& field, int level) {
    out_ += fmt::format("{:{}}{}: {}{}", "", level * 2, table_.text(field.name), field.is_array ? "[]" : "",
                        table_.text(field.type_name));
    const auto remark = [&](const std::string& word, const VersionSpan& span) {
      if (span.empty() || (version_ && !span.contains(*version_))) return;
      out_ += version_ ? fmt::format(", {}", word) : fmt::format(", {} {}", word, span_text(span));
    };
    if (!version_) out_ += " " + span_text(field.versions);
    remark("nullable", field.nullable);
    if (field.tag >= 0) remark(fmt::format("tag {}{}", field.tag, version_ ? "" : " in"), field.tagged);
    const std::string_view standard = table_.text(field.default_value);
    if (!standard.empty()) out_ += fmt::format(", default {}", standard);
    out_ += "\n";
  }

  const SchemaTable& table_ = message_schemas();
  std::optional<int> version_;
  std::string out_;
};

// Requests and responses by key, then the rest by name.
std::vector<const MessageSchema*> in_order() {
  std::vector<const MessageSchema*> all;
  for (const MessageSchema& message : message_schemas().messages) all.push_back(&message);
  const auto rank = [](const MessageSchema* one) {
    const bool api = one->kind == MessageKind::kRequest || one->kind == MessageKind::kResponse;
    return api ? one->key * 2 + (one->kind == MessageKind::kResponse ? 1 : 0) : INT32_MAX;
  };
  std::stable_sort(all.begin(), all.end(), [&](const auto* a, const auto* b) { return rank(a) < rank(b); });
  return all;
}

// The messages that `name` means; none where there is no such thing.
std::vector<const MessageSchema*> messages_of(const std::string& name) {
  const SchemaTable& table = message_schemas();
  if (const auto key = api_key_of(name))
    return {table.find(MessageKind::kRequest, *key), table.find(MessageKind::kResponse, *key)};
  if (const MessageSchema* message = table.find(name)) return {message};
  return {};
}

}  // namespace

MessageListText list_messages(const MessageListOptions& options) {
  std::vector<const MessageSchema*> wanted;
  for (const std::string& name : options.names) {
    const auto found = messages_of(name);
    if (found.empty()) return {false, fmt::format("there is no API or message '{}'", name)};
    wanted.insert(wanted.end(), found.begin(), found.end());
  }
  if (options.names.empty()) wanted = in_order();
  std::string out;
  for (const MessageSchema* message : wanted) {
    if (options.version && !message->versions.contains(*options.version)) {
      if (options.names.empty()) continue;
      return {false, fmt::format("{} has versions {}, not {}", message_schemas().text(message->name),
                                 span_text(message->versions), *options.version)};
    }
    if (!out.empty()) out += "\n";
    out += MessageLister(options.version).run(*message);
  }
  return {true, std::move(out)};
}

}  // namespace ottla::protocol

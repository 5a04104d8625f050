// SPDX-License-Identifier: Apache-2.0
// What `ottla messages` prints: every API and message, its versions and fields.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ottla::protocol {

struct MessageListOptions {
  // APIs by name or key, messages by name; none: all.
  std::vector<std::string> names = {};
  // Only what this version has, as it has it.
  std::optional<int> version = {};
};

struct MessageListText {
  bool ok = false;
  std::string text;  // the list, or one sentence that says what is wrong
};

MessageListText list_messages(const MessageListOptions& options);

}  // namespace ottla::protocol

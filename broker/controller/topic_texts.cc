// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/topic_texts.h"

#include <fmt/format.h>

#include <algorithm>

namespace ottla {
namespace {

constexpr size_t kMaxTopicNameLength = 249;

bool is_legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

}  // namespace

std::string TopicTexts::invalid_name(std::string_view name) const {
  if (name.empty()) {
    return as_4_ ? "Topic name is invalid: the empty string is not allowed"
                 : "Topic name is illegal, it can't be empty";
  }
  if (name == "." || name == "..") {
    return as_4_ ? fmt::format("Topic name is invalid: '{}' is not allowed", name)
                 : "Topic name cannot be \".\" or \"..\"";
  }
  if (name.size() > kMaxTopicNameLength) {
    return as_4_ ? fmt::format(
                       "Topic name is invalid: the length of '{}' is longer than the max allowed length {}",
                       name, kMaxTopicNameLength)
                 : fmt::format("Topic name is illegal, it can't be longer than {} characters, topic name: {}",
                               kMaxTopicNameLength, name);
  }
  if (std::all_of(name.begin(), name.end(), is_legal)) return "";
  return as_4_ ? fmt::format(
                     "Topic name is invalid: '{}' contains one or more characters other than ASCII "
                     "alphanumerics, '.', '_' and '-'",
                     name)
               : fmt::format(
                     "Topic name \"{}\" is illegal, it contains a character other than ASCII alphanumerics, "
                     "'.', '_' and '-'",
                     name);
}

std::string TopicTexts::collision(std::string_view name, std::string_view other) const {
  return fmt::format("Topic '{}' collides with existing topic{}: {}", name, as_4_ ? "" : "s", other);
}

std::string TopicTexts::too_many_replicas(int16_t factor, size_t brokers) const {
  return as_4_ ? fmt::format(
                     "Unable to replicate the partition {0} time(s): The target replication factor of {0} "
                     "cannot be reached because only {1} broker(s) are registered.",
                     factor, brokers)
               : fmt::format("Replication factor: {} larger than available brokers: {}.", factor, brokers);
}

std::string TopicTexts::no_increase(std::string_view name, int32_t current, int32_t asked) const {
  if (asked == current) return fmt::format("Topic already has {} partition{}.", current, as_4_ ? "(s)" : "s");
  return as_4_ ? fmt::format("The topic {} currently has {} partition(s); {} would not be an increase.", name,
                             current, asked)
               : fmt::format("Topic currently has {} partitions, which is higher than the requested {}.",
                             current, asked);
}

}  // namespace ottla

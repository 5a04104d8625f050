// SPDX-License-Identifier: Apache-2.0
#include "storage/log/file_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "storage/io/file_system.h"

namespace ottla::storage {
namespace {

constexpr size_t kOffsetDigits = 20;
constexpr size_t kLongestName = 255;

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string offset_file_name(int64_t offset, std::string_view suffix) {
  return fmt::format("{:020}{}", offset, suffix);
}

std::optional<int64_t> offset_of_file_name(std::string_view name, std::string_view suffix) {
  if (name.size() != kOffsetDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, kOffsetDigits);
  int64_t offset = 0;
  if (!all_digits(digits)) return std::nullopt;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), offset);
  if (parsed.ec != std::errc()) return std::nullopt;
  return offset;
}

std::string unused_cut_name(FileSystem& files, const std::string& path) {
  std::string name = path + kCutSuffix;
  for (int number = 1; files.exists(name); ++number) name = path + kCutSuffix + "." + std::to_string(number);
  return name;
}

std::string partition_directory(std::string_view topic, int32_t partition) {
  return fmt::format("{}-{}", topic, partition);
}

std::optional<TopicPartitionName> parse_partition_directory(std::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const std::string_view digits = name.substr(dash + 1);
  int32_t partition = 0;
  if (!all_digits(digits)) return std::nullopt;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), partition);
  if (parsed.ec != std::errc()) return std::nullopt;
  return TopicPartitionName{std::string(name.substr(0, dash)), partition};
}

std::string delete_directory(std::string_view topic, int32_t partition, std::string_view unique_id) {
  const std::string tail = fmt::format("-{}.{}{}", partition, unique_id, kDeleteDirectorySuffix);
  return std::string(topic.substr(0, kLongestName - tail.size())) + tail;
}

bool is_delete_directory(std::string_view name) {
  return name.ends_with(kDeleteDirectorySuffix) && name.find('.') != std::string_view::npos;
}

bool is_future_directory(std::string_view name) {
  return name.ends_with(kFutureDirectorySuffix) && name.find('.') != std::string_view::npos;
}

}  // namespace ottla::storage

// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/quota.h"

#include <charconv>
#include <utility>

namespace ottla::coordination {

std::string quota_node(std::string_view path, std::string_view which) {
  std::string name(kQuotaRoot);
  name += path;
  name += '/';
  name += which;
  return name;
}

std::optional<QuotaText> QuotaText::parse(std::string_view text) {
  QuotaText parsed;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(",;"), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    // What follows a second '=' is there to mislead old parsers.
    std::string_view number = pair.substr(equals + 1);
    number = number.substr(0, number.find('='));
    int64_t value = -1;
    const auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (!number.empty() && (error != std::errc() || rest != number.data() + number.size()))
      return std::nullopt;
    parsed.values_[std::string(pair.substr(0, equals))] = value;
  }
  return parsed;
}

int64_t QuotaText::get(const std::string& key) const {
  const auto entry = values_.find(key);
  return entry == values_.end() ? -1 : entry->second;
}

std::string QuotaText::to_string() const {
  std::string text = "count=" + std::to_string(get("count")) + ",bytes=" + std::to_string(get("bytes"));
  bool first = true;
  for (const auto& [key, value] : values_) {
    if (key == "count" || key == "bytes") continue;
    text += std::exchange(first, false) ? "=;" : ";";
    text += key;
    text += '=';
    text += std::to_string(value);
  }
  return text;
}

void QuotaPaths::add(std::string path) {
  // ZooKeeper keeps no quota on its root.
  if (path.size() > 1) paths_.insert(std::move(path));
}

std::optional<std::string> QuotaPaths::above(std::string_view path) const {
  if (paths_.empty()) return std::nullopt;
  while (path.size() > 1) {
    if (paths_.find(path) != paths_.end()) return std::string(path);
    path = path.substr(0, path.rfind('/'));
  }
  return std::nullopt;
}

}  // namespace ottla::coordination

// SPDX-License-Identifier: Apache-2.0
// What ZooKeeper measures by namespace: the first name of a path ("kafka" of "/kafka/brokers"; the root is in
// none). Clients choose these names, so only the first hundred are kept.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace ottla::coordination {

inline constexpr size_t kMaxNamespaces = 100;

// Empty for the root and for what is no path.
inline std::string_view namespace_of(std::string_view path) {
  if (path.size() < 2 || path.front() != '/') return {};
  return path.substr(1, std::min(path.find('/', 1), path.size()) - 1);
}

template <typename Value>
class ByNamespace {
 public:
  // Null where it is not measured.
  Value* of(std::string_view path) {
    const std::string_view name = namespace_of(path);
    if (name.empty()) return nullptr;
    const auto known = values_.find(name);
    if (known != values_.end()) return &known->second;
    return values_.size() < kMaxNamespaces ? &values_[std::string(name)] : nullptr;
  }
  const std::map<std::string, Value, std::less<>>& all() const { return values_; }

 private:
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace ottla::coordination

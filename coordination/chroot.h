// SPDX-License-Identifier: Apache-2.0
// The part of a connect string behind the hosts, which every path of a client is below.
#pragma once

#include <string>

namespace ottla::coordination {

class Chroot {
 public:
  // "" or "/a/b".
  explicit Chroot(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string to_server(const std::string& path) const {
    if (prefix_.empty()) return path;
    return path == "/" ? prefix_ : prefix_ + path;
  }
  std::string from_server(const std::string& path) const {
    if (prefix_.empty() || path.compare(0, prefix_.size(), prefix_) != 0) return path;
    return path.size() == prefix_.size() ? "/" : path.substr(prefix_.size());
  }
  const std::string& prefix() const { return prefix_; }

 private:
  std::string prefix_;
};

}  // namespace ottla::coordination

// SPDX-License-Identifier: Apache-2.0
// What is said about a topic that cannot be created or grown. Tools print it, and releases word it
// differently: as 2.8 does with ZooKeeper, or as 4.x does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ottla {

class TopicTexts {
 public:
  explicit TopicTexts(bool as_4) : as_4_(as_4) {}

  // Why no topic may have this name; empty where one may.
  std::string invalid_name(std::string_view name) const;
  std::string collision(std::string_view name, std::string_view other) const;
  std::string too_many_replicas(int16_t factor, size_t brokers) const;
  // The topic has as many partitions as are asked for, or more.
  std::string no_increase(std::string_view name, int32_t current, int32_t asked) const;

 private:
  bool as_4_;
};

}  // namespace ottla

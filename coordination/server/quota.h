// SPDX-License-Identifier: Apache-2.0
// Quotas as ZooKeeper keeps them (org.apache.zookeeper.Quotas, StatsTrack, common.PathTrie): below
// /zookeeper/quota, at the path that is limited, two nodes in text:
//   zookeeper_limits   "count=10,bytes=-1=;byteHardLimit=1000;countHardLimit=-1"   -1: no limit
//   zookeeper_stats    "count=3,bytes=17"                                          kept by the server
// A node counts for the nearest limited path above it (or itself). Soft limits are only warned of; hard
// limits (3.8) refuse writes, both only with zookeeper.enforceQuota.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace ottla::coordination {

inline constexpr std::string_view kQuotaRoot = "/zookeeper/quota", kQuotaLimits = "zookeeper_limits",
                                  kQuotaStats = "zookeeper_stats";

// "/zookeeper/quota/a/zookeeper_stats" for "/a".
std::string quota_node(std::string_view path, std::string_view which);

// The text of either node.
class QuotaText {
 public:
  // Nullopt where it is not that text.
  static std::optional<QuotaText> parse(std::string_view text);
  // -1 where it is not given.
  int64_t get(const std::string& key) const;
  void set(const std::string& key, int64_t value) { values_[key] = value; }
  // "count" and "bytes" first, for readers of 3.4.
  std::string to_string() const;

 private:
  std::map<std::string, int64_t> values_;
};

// The paths that have limits.
class QuotaPaths {
 public:
  void add(std::string path);
  void remove(const std::string& path) { paths_.erase(path); }
  bool empty() const { return paths_.empty(); }
  const std::set<std::string, std::less<>>& all() const { return paths_; }
  // The longest limited path that is `path` or above it.
  std::optional<std::string> above(std::string_view path) const;

 private:
  std::set<std::string, std::less<>> paths_;
};

}  // namespace ottla::coordination

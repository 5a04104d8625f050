// SPDX-License-Identifier: Apache-2.0
// Who waits for what (org.apache.zookeeper.server.watch.WatchManager). The tree has two: one for data and
// existence, one for children. A watcher is a connection, named by its number.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "coordination/types.h"

namespace ottla::coordination {

enum class WatchMode : uint8_t { kOneShot, kPersistent, kPersistentRecursive };

class WatchManager {
 public:
  using Watcher = uint64_t;

  // A later mode for the same path and watcher replaces the earlier.
  void add(const std::string& path, Watcher watcher, WatchMode mode = WatchMode::kOneShot);
  // Those to be told of `type` at `path`; one-shot watches among them are gone afterwards. Recursive watches
  // of the nodes above count too, except for kNodeChildrenChanged, which they would see twice.
  std::set<Watcher> trigger(const std::string& path, EventType type);
  bool remove(const std::string& path, Watcher watcher);
  void remove_watcher(Watcher watcher);
  bool contains(const std::string& path, Watcher watcher) const;

  size_t watch_count() const;
  size_t path_count() const { return watchers_.size(); }
  size_t watcher_count() const { return paths_.size(); }
  const std::map<std::string, std::map<Watcher, WatchMode>, std::less<>>& by_path() const {
    return watchers_;
  }
  const std::map<Watcher, std::set<std::string>>& by_watcher() const { return paths_; }

 private:
  std::map<std::string, std::map<Watcher, WatchMode>, std::less<>> watchers_;
  std::map<Watcher, std::set<std::string>> paths_;
  size_t recursive_ = 0;
};

}  // namespace ottla::coordination

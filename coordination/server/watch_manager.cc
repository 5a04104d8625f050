// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/watch_manager.h"

namespace ottla::coordination {

void WatchManager::add(const std::string& path, Watcher watcher, WatchMode mode) {
  auto [position, added] = watchers_[path].try_emplace(watcher, mode);
  if (!added && position->second == WatchMode::kPersistentRecursive) --recursive_;
  if (mode == WatchMode::kPersistentRecursive) ++recursive_;
  position->second = mode;
  paths_[watcher].insert(path);
}

std::set<WatchManager::Watcher> WatchManager::trigger(const std::string& path, EventType type) {
  std::set<Watcher> told;
  std::vector<Watcher> spent;
  if (const auto here = watchers_.find(path); here != watchers_.end()) {
    for (const auto& [watcher, mode] : here->second) {
      if (mode == WatchMode::kPersistentRecursive && type == EventType::kNodeChildrenChanged) continue;
      told.insert(watcher);
      if (mode == WatchMode::kOneShot) spent.push_back(watcher);
    }
  }
  for (const Watcher watcher : spent) remove(path, watcher);
  if (recursive_ == 0 || type == EventType::kNodeChildrenChanged) return told;
  for (std::string_view above = path; above.size() > 1;) {
    above = above.substr(0, above.rfind('/'));
    if (above.empty()) above = "/";
    const auto there = watchers_.find(above);
    if (there == watchers_.end()) continue;
    for (const auto& [watcher, mode] : there->second) {
      if (mode == WatchMode::kPersistentRecursive) told.insert(watcher);
    }
  }
  return told;
}

bool WatchManager::remove(const std::string& path, Watcher watcher) {
  const auto here = watchers_.find(path);
  if (here == watchers_.end()) return false;
  const auto entry = here->second.find(watcher);
  if (entry == here->second.end()) return false;
  if (entry->second == WatchMode::kPersistentRecursive) --recursive_;
  const auto paths = paths_.find(watcher);
  paths->second.erase(path);
  if (paths->second.empty()) paths_.erase(paths);
  here->second.erase(entry);
  if (here->second.empty()) watchers_.erase(here);
  return true;
}

void WatchManager::remove_watcher(Watcher watcher) {
  const auto paths = paths_.find(watcher);
  if (paths == paths_.end()) return;
  const std::set<std::string> all = paths->second;
  for (const auto& path : all) remove(path, watcher);
}

bool WatchManager::contains(const std::string& path, Watcher watcher) const {
  const auto here = watchers_.find(path);
  return here != watchers_.end() && here->second.count(watcher) > 0;
}

size_t WatchManager::watch_count() const {
  size_t count = 0;
  for (const auto& [path, watchers] : watchers_) count += watchers.size();
  return count;
}

}  // namespace ottla::coordination

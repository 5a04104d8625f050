// SPDX-License-Identifier: Apache-2.0
// The children of a node, in the order of their names. There are as many entries as nodes, and most nodes
// have no children: an entry is a pointer to the path that the tree holds anyway, and no children are one
// pointer.
//
// Threads: the tree's.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace ottla::coordination {

class Children {
  struct ByPath {
    using is_transparent = void;
    bool operator()(const std::string* a, const std::string* b) const { return *a < *b; }
    bool operator()(const std::string* a, std::string_view b) const { return *a < b; }
    bool operator()(std::string_view a, const std::string* b) const { return a < *b; }
  };
  using Paths = std::set<const std::string*, ByPath>;

 public:
  // `path`: the child's, which must stay where it is until it is erased here. Nothing happens where it is
  // there already.
  void insert(const std::string& path) {
    if (!paths_) paths_ = std::make_unique<Paths>();
    paths_->insert(&path);
  }
  // Nothing happens where it is not there.
  void erase(std::string_view path) {
    if (!paths_) return;
    const auto found = paths_->find(path);
    if (found != paths_->end()) paths_->erase(found);
    if (paths_->empty()) paths_.reset();
  }
  size_t size() const { return paths_ ? paths_->size() : 0; }
  bool empty() const { return !paths_; }
  // Calls `take` with the path of each.
  template <typename Take>
  void for_each(const Take& take) const {
    if (!paths_) return;
    for (const std::string* path : *paths_) take(*path);
  }

 private:
  std::unique_ptr<Paths> paths_;
};

}  // namespace ottla::coordination

// SPDX-License-Identifier: Apache-2.0
// The keys of ZooKeeper's configuration that are taken and do nothing here, each with the reason that the
// warning gives.
#pragma once

#include <string>

namespace ottla::coordination {

struct IdleKey {
  const char* name;  // a prefix where it ends in '.'
  const char* why;   // null: nothing worth a warning
};

// Null where `key` (without "zookeeper.") is none of them.
const IdleKey* find_idle_key(const std::string& key);

}  // namespace ottla::coordination

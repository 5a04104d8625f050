// SPDX-License-Identifier: Apache-2.0
// The rules for node paths (org.apache.zookeeper.common.PathUtils).
#pragma once

#include <string>
#include <string_view>

namespace ottla::coordination {

// Null where `path` is valid, else what is wrong with it. Characters are judged as Java sees them, so bytes
// that are not UTF-8 (U+FFFD to Java) and code points beyond the basic plane are refused.
const char* path_problem(std::string_view path);

// "/a/b" -> "/a", "/a" -> "", "/" -> "". REQUIRES: a '/' in `path`.
std::string_view parent_path(std::string_view path);
// "/a/b" -> "b".
std::string_view node_name(std::string_view path);

}  // namespace ottla::coordination

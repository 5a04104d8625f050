// SPDX-License-Identifier: Apache-2.0
// How names of the specs become names in C++ and of files.
#pragma once

#include <string>
#include <string_view>

namespace ottla::generator {

// "TimeoutMs" -> "timeout_ms", "isKRaftController" -> "is_kraft_controller".
std::string snake_case(std::string_view name);
// snake_case, with a trailing underscore where that is a word of C++.
std::string member_name(std::string_view name);
// The stem of the spec and of the generated header: "ProduceRequest" -> "produce_request".
std::string file_stem(std::string_view message_name);

}  // namespace ottla::generator

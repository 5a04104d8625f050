// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace ottla::load {

// A measurement that went wrong is no measurement: says so and ends the program.
[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "bench_load: %s\n", what.c_str());
  std::exit(1);
}
[[noreturn]] inline void fail_errno(const std::string& what) {
  const std::string reason = std::strerror(errno);
  fail(what + ": " + reason);
}

}  // namespace ottla::load

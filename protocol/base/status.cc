// SPDX-License-Identifier: Apache-2.0
#include "protocol/base/status.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ottla {

Status Status::from_errno(int error_number, const std::string& what) {
  Status status(ErrorCode::KAFKA_STORAGE_ERROR,
                what + ": " + std::strerror(error_number) + " (errno " + std::to_string(error_number) + ")");
  status.error_number_ = error_number;
  return status;
}

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace ottla

// SPDX-License-Identifier: Apache-2.0
// Small files, read whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/io/file_system.h"

namespace ottla::coordination {

inline Result<std::vector<uint8_t>> read_file(storage::FileSystem& files, const std::string& path) {
  auto file = files.open(path, false);
  if (!file.ok()) return file.status();
  const auto size = (*file)->size();
  if (!size.ok()) return size.status();
  std::vector<uint8_t> bytes(*size);
  const Status read = (*file)->read_exactly_at(bytes, 0);
  if (!read.ok()) return read;
  return bytes;
}

}  // namespace ottla::coordination

// SPDX-License-Identifier: Apache-2.0
// The value of a field of type `records`: bytes in memory (a Produce request's batches are a view into its
// frame; a Fetch answer's tail comes from memory), or a slice of a segment file, or null.
#pragma once

#include "protocol/wire/file_slice.h"
#include "protocol/wire/reader.h"

namespace ottla {

struct RecordsField {
  bool is_null = true;
  Bytes bytes;      // used where slice.file is null
  FileSlice slice;  // where slice.file is set

  static RecordsField empty() { return {.is_null = false, .bytes = {}, .slice = {}}; }
  static RecordsField of(Bytes bytes) { return {.is_null = false, .bytes = bytes, .slice = {}}; }
  static RecordsField of(FileSlice slice) {
    return {.is_null = false, .bytes = {}, .slice = std::move(slice)};
  }
  size_t size() const { return slice.file ? slice.length : bytes.size(); }
};

}  // namespace ottla

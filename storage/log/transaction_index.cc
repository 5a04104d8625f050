// SPDX-License-Identifier: Apache-2.0
#include "storage/log/transaction_index.h"

#include <fmt/format.h>

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla::storage {

Status read_transaction_index(FileSystem& files, const std::string& path,
                              std::vector<AbortedTransaction>& out) {
  out.clear();
  const auto text = files.read_text_if_there(path, uint64_t{1} << 30);
  if (!text.ok()) return text.status();
  if (!*text) return {};
  Reader reader(Bytes(reinterpret_cast<const uint8_t*>((*text)->data()), (*text)->size()));
  while (reader.remaining() >= kAbortedTransactionBytes) {
    const int16_t version = reader.int16();
    AbortedTransaction aborted;
    aborted.producer_id = reader.int64();
    aborted.first_offset = reader.int64();
    aborted.last_offset = reader.int64();
    aborted.last_stable_offset = reader.int64();
    if (version != kAbortedTransactionVersion) {
      return {ErrorCode::CORRUPT_MESSAGE,
              fmt::format("transaction index {} has an entry of unknown version {}", path, version)};
    }
    out.push_back(aborted);
  }
  if (reader.remaining() == 0) return {};
  return {ErrorCode::CORRUPT_MESSAGE, fmt::format("transaction index {} is cut short", path)};
}

Status write_transaction_index(FileSystem& files, const std::string& path,
                               const std::vector<AbortedTransaction>& transactions) {
  Writer writer;
  for (const AbortedTransaction& aborted : transactions) {
    writer.int16(kAbortedTransactionVersion);
    writer.int64(aborted.producer_id);
    writer.int64(aborted.first_offset);
    writer.int64(aborted.last_offset);
    writer.int64(aborted.last_stable_offset);
  }
  const auto file = files.open(path, true);
  if (!file.ok()) return file.status();
  const Status cut = (*file)->truncate(writer.buffer().size());
  return cut.ok() ? (*file)->write_at(writer.buffer(), 0) : cut;
}

}  // namespace ottla::storage

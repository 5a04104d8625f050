// SPDX-License-Identifier: Apache-2.0
// The .txnindex file of a segment: the aborted transactions that end in it, by their markers' offsets (kafka
// TransactionIndex, AbortedTxn; storage/doc/txnindex.md).
#pragma once

#include <string>
#include <vector>

#include "protocol/base/status.h"
#include "storage/io/file_system.h"
#include "storage/log/producer_state.h"

namespace ottla::storage {

inline constexpr int16_t kAbortedTransactionVersion = 0;
inline constexpr size_t kAbortedTransactionBytes = 2 + 4 * 8;

// A file that is not there has none. CORRUPT_MESSAGE for an unknown version, and for a file that does not
// end with an entry; `out` has those before it.
Status read_transaction_index(FileSystem& files, const std::string& path,
                              std::vector<AbortedTransaction>& out);
// Replaces what is there, in place.
Status write_transaction_index(FileSystem& files, const std::string& path,
                               const std::vector<AbortedTransaction>& transactions);

}  // namespace ottla::storage

// SPDX-License-Identifier: Apache-2.0
// Files of the transaction log, "log.<zxid of the first transaction, in hex>"
// (org.apache.zookeeper.server.persistence FileTxnLog). A file is a header {"ZKLG", int 2, long dbid} and
// records:
//   long Adler-32 of the bytes | int length | bytes: TxnHeader, body, perhaps a digest | 'B'
// ZooKeeper fills its files up with zeros, we write some ahead (store.h); a length of zero is the end.
// Example of a record:
//   00 00 00 00 9c 1f 04 f1  00 00 00 24  <36 bytes: createSession of 6000 ms>  42
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordination/jute/txn.h"
#include "protocol/base/status.h"
#include "storage/io/file_system.h"

namespace ottla::coordination {

// So many zeros are written at most behind the last record.
inline constexpr uint64_t kLogFill = 256 << 10;

// "log.1a" -> 0x1a for prefix "log"; nullopt for other names.
std::optional<int64_t> zxid_of_name(std::string_view name, std::string_view prefix);
std::string name_of_zxid(std::string_view prefix, int64_t zxid);

void append_log_header(std::vector<uint8_t>& out);
void append_log_record(std::vector<uint8_t>& out, const jute::Txn& txn);

// Reads one file from front to back, holding one stretch of it at a time.
class LogReader {
 public:
  enum class Next {
    kTxn,
    kEnd,     // nothing follows, or zeros
    kTorn,    // what follows is the beginning of a record, or rubbish with no whole record behind it: a write
              // cut short; so is one into the zeros ahead of which a power cut kept the later part alone
    kFailed,  // status() says why: not a log, or damaged before its end
  };

  // `path` is for messages.
  LogReader(std::shared_ptr<storage::File> file, uint64_t size);

  Next next(jute::Txn* txn);
  const Status& status() const { return status_; }
  // Where the last whole record ends.
  uint64_t valid_end() const { return position_; }

 private:
  // `count` bytes at the current position plus `offset`; empty where the file is shorter.
  Bytes look(uint64_t offset, uint64_t count);
  Next fail(const std::string& what);
  Next read_header();
  Next judge_tail(const char* what);
  // Whether a whole record begins at `position`.
  bool record_at(uint64_t position);
  // Whether a part of what lies from here to `end` was never written.
  bool lacks_a_piece(uint64_t end);

  std::shared_ptr<storage::File> file_;
  const uint64_t size_;
  uint64_t position_ = 0;
  std::vector<uint8_t> window_;
  uint64_t window_start_ = 0;
  Status status_;
};

}  // namespace ottla::coordination

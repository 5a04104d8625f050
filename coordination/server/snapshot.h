// SPDX-License-Identifier: Apache-2.0
// Files "snapshot.<last zxid, in hex>" (org.apache.zookeeper.server.persistence FileSnap): header {"ZKSN",
// int 2, long -1}, the tree (data_tree_image.cc), long Adler-32 of all that, ustring "/". ZooKeeper 3.6 and
// later may append a digest, which is not read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coordination/server/data_tree.h"
#include "protocol/base/status.h"
#include "storage/io/file_system.h"

namespace ottla::coordination {

std::vector<uint8_t> encode_snapshot(const DataTree& tree);
std::vector<uint8_t> compress_gzip(Bytes bytes);
// As it is, or compressed by gzip; snappy is refused. REQUIRES: `tree` is fresh; it is of no use after an
// error.
Status decode_snapshot(Bytes bytes, const std::string& path, DataTree& tree);

// The names of `prefix` files in `directory` as their zxids, ascending. Files with other names are none of
// our business.
Result<std::vector<int64_t>> list_zxids(storage::FileSystem& files, const std::string& directory,
                                        const std::string& prefix);

struct SnapshotFile {
  int64_t zxid;
  std::string name;  // "snapshot.1a", "snapshot.1a.gz", "snapshot.1a.snappy"
};
// Ascending.
Result<std::vector<SnapshotFile>> list_snapshots(storage::FileSystem& files, const std::string& directory);

// Removes snapshots but the newest `retain`, and the logs that only those needed (PurgeTxnLog). Blocking.
Status purge_old_files(storage::FileSystem& files, const std::string& snapshots, const std::string& logs,
                       int retain);

}  // namespace ottla::coordination

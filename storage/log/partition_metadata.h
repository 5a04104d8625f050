// SPDX-License-Identifier: Apache-2.0
// The partition.metadata file of a partition: the id of its topic (kafka PartitionMetadataFile;
// storage/doc/partition-metadata.md).
#pragma once

#include <string>

#include "protocol/base/status.h"
#include "protocol/base/uuid.h"
#include "storage/io/file_system.h"

namespace ottla::storage {

// The zero id where the file is not there; CORRUPT_MESSAGE where it holds no id.
Result<Uuid> read_partition_metadata(FileSystem& files, const std::string& path);
// By way of "<path>.tmp", not synced: whoever opens the partition next can bring the id again.
Status write_partition_metadata(FileSystem& files, const std::string& path, const Uuid& topic_id);

}  // namespace ottla::storage

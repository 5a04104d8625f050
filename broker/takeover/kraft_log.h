// SPDX-License-Identifier: Apache-2.0
// Reads __cluster_metadata-0, KRaft's own log: the newest snapshot (<offset>-<epoch>.checkpoint), then the
// segments behind it (storage/doc/kraft-takeover.md). Nothing is changed. Blocking.
#pragma once

#include <string>

#include "broker/takeover/kraft_image.h"
#include "protocol/base/status.h"
#include "storage/io/file_system.h"

namespace ottla::takeover {

inline constexpr const char* kMetadataDirectory = "__cluster_metadata-0";

// A torn batch at the end of the last segment ends the log, as it does when Kafka starts; elsewhere it is an
// error. The cluster's only voter is taken for granted: everything in its log is committed.
Result<KraftImage> read_kraft_metadata(storage::FileSystem& files, const std::string& directory);

}  // namespace ottla::takeover

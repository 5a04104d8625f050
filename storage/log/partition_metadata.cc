// SPDX-License-Identifier: Apache-2.0
#include "storage/log/partition_metadata.h"

#include <fmt/format.h>

#include <sstream>

namespace ottla::storage {

Result<Uuid> read_partition_metadata(FileSystem& files, const std::string& path) {
  const auto text = files.read_text_if_there(path);
  if (!text.ok()) return text.status();
  if (!*text) return Uuid();
  std::istringstream lines(**text);
  std::string version;
  std::string topic_id;
  std::getline(lines, version);
  std::getline(lines, topic_id);
  const std::string_view key = "topic_id: ";
  if (version == "version: 0" && topic_id.starts_with(key)) {
    const auto id = Uuid::parse(std::string_view(topic_id).substr(key.size()));
    if (id && !id->is_zero()) return *id;
  }
  return Status(ErrorCode::CORRUPT_MESSAGE, fmt::format("{} holds no topic id", path));
}

Status write_partition_metadata(FileSystem& files, const std::string& path, const Uuid& topic_id) {
  const std::string text = fmt::format("version: 0\ntopic_id: {}", topic_id.to_string());
  const auto file = files.open_empty(path + ".tmp");
  if (!file.ok()) return file.status();
  const Status status = (*file)->write_at({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, 0);
  return status.ok() ? files.rename(path + ".tmp", path) : status;
}

}  // namespace ottla::storage

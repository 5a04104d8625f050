// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/describe_log_dirs.h"

#include <algorithm>

#include "broker/apis/services.h"
#include "protocol/generated/describe_log_dirs_request.h"
#include "protocol/generated/describe_log_dirs_response.h"
#include "storage/log/log_manager.h"

namespace ottla {
namespace {

using protocol::DescribeLogDirsRequest;
using protocol::DescribeLogDirsResponse;

bool wanted(const DescribeLogDirsRequest& asked, std::string_view topic, int32_t partition) {
  if (!asked.topics) return true;
  return std::any_of(asked.topics->begin(), asked.topics->end(), [&](const auto& one) {
    return one.topic == topic &&
           std::find(one.partitions.begin(), one.partitions.end(), partition) != one.partitions.end();
  });
}

void describe(storage::LogManager& logs, const storage::LogManager::DirectoryState& directory,
              const DescribeLogDirsRequest& asked, DescribeLogDirsResponse::DescribeLogDirsResult& out) {
  out.log_dir = directory.path;
  if (!directory.online) {
    out.error_code = static_cast<int16_t>(ErrorCode::KAFKA_STORAGE_ERROR);
    return;
  }
  if (const auto space = logs.space(directory.path); space.ok()) {
    out.total_bytes = static_cast<int64_t>(space->total_bytes);
    out.usable_bytes = static_cast<int64_t>(space->usable_bytes);
  }
  logs.for_each([&](const storage::TopicPartitionName& name, storage::Log& log) {
    if (storage::parent_directory(log.directory()) != directory.path ||
        !wanted(asked, name.topic, name.partition))
      return;
    if (out.topics.empty() || out.topics.back().name != name.topic)
      out.topics.emplace_back().name = name.topic;
    auto& partition = out.topics.back().partitions.emplace_back();
    partition.partition_index = name.partition;
    partition.partition_size = static_cast<int64_t>(log.size_in_bytes());
  });
}

}  // namespace

void handle_describe_log_dirs(Request& request) {
  DescribeLogDirsRequest asked;
  if (!request.decode(asked)) return;
  storage::LogManager& logs = request.services.logs;
  const auto directories = logs.directories();
  DescribeLogDirsResponse response;
  for (const auto& directory : directories) describe(logs, directory, asked, response.results.emplace_back());
  request.responder.send(response);
}

}  // namespace ottla

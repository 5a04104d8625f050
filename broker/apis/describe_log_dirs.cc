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

bool wanted(const DescribeLogDirsRequest& asked, const storage::LogManager::LogDescription& log) {
  if (!asked.topics) return true;
  return std::any_of(asked.topics->begin(), asked.topics->end(), [&](const auto& topic) {
    return topic.topic == log.topic &&
           std::find(topic.partitions.begin(), topic.partitions.end(), log.partition) != topic.partitions.end();
  });
}

void describe(const DescribeLogDirsRequest& asked, const storage::LogManager::DirectoryDescription& directory,
              DescribeLogDirsResponse::DescribeLogDirsResult& out) {
  out.log_dir = directory.path;
  if (!directory.online) {
    out.error_code = static_cast<int16_t>(ErrorCode::KAFKA_STORAGE_ERROR);
    return;
  }
  if (directory.space) {
    out.total_bytes = static_cast<int64_t>(directory.space->total_bytes);
    out.usable_bytes = static_cast<int64_t>(directory.space->usable_bytes);
  }
  for (const auto& log : directory.logs) {
    if (!wanted(asked, log)) continue;
    if (out.topics.empty() || out.topics.back().name != log.topic) out.topics.emplace_back().name = log.topic;
    auto& partition = out.topics.back().partitions.emplace_back();
    partition.partition_index = log.partition;
    partition.partition_size = static_cast<int64_t>(log.size_in_bytes);
  }
}

}  // namespace

void handle_describe_log_dirs(Request& request) {
  DescribeLogDirsRequest asked;
  if (!request.decode(asked)) return;
  const auto directories = request.services.logs.describe();
  DescribeLogDirsResponse response;
  for (const auto& directory : directories) describe(asked, directory, response.results.emplace_back());
  request.responder.send(response);
}

}  // namespace ottla

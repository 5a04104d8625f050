// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/zk_config_admin.h"

#include <memory>

#include "broker/controller/znodes.h"

namespace ottla {

using coordination::CreateReply;
using coordination::DataReply;
using coordination::StatReply;
using coordination::ZkError;

namespace {

constexpr int kAttempts = 10;

Status lost(const std::string& path, ZkError error) {
  return {ErrorCode::UNKNOWN_SERVER_ERROR, path + ": ZooKeeper answered " + coordination::error_text(error)};
}

}  // namespace

void ZkConfigAdmin::alter(std::string type, std::string name, Change change, bool validate_only, Done done) {
  const auto wish =
      std::make_shared<Wish>(Wish{std::move(type), std::move(name), std::move(change), validate_only});
  queue_.add([this, wish, done = std::move(done)]() -> Task<void> {
    const Status status = co_await run(*wish);
    done(status);
  });
}

Task<Status> ZkConfigAdmin::run(const Wish& wish) {
  std::string entity = wish.type;
  entity.append("/").append(wish.name);
  std::string path = "/config/";
  path.append(entity);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const DataReply current = co_await client_.async_get_data(path);
    if (!current.ok() && current.error != ZkError::kNoNode) co_return lost(path, current.error);
    Overrides before;
    if (current.ok() && !current.data.empty()) {
      auto decoded = znodes::decode_config(current.data);
      if (!decoded.ok()) co_return decoded.status();
      before = std::move(*decoded);
    }
    const auto after = wish.change(std::move(before));
    if (!after.ok() || wish.validate_only) co_return after.status();
    const ZkError written =
        co_await write(path, current.ok(), current.stat.version, znodes::encode_config(*after));
    if (written == ZkError::kBadVersion || written == ZkError::kNodeExists || written == ZkError::kNoNode)
      continue;
    if (written != ZkError::kOk) co_return lost(path, written);
    std::string announcement = znodes::kConfigChanges;
    announcement.append("/config_change_");
    const CreateReply announced = co_await client_.async_create(
        announcement, znodes::encode_config_change(entity), coordination::CreateMode::kPersistentSequential);
    if (!announced.ok()) co_return lost(announcement, announced.error);
    applied_(wish.type, wish.name, *after);
    co_await client_.async_durable();
    co_return Status();
  }
  co_return Status(ErrorCode::UNKNOWN_SERVER_ERROR, path + " changes too fast");
}

Task<ZkError> ZkConfigAdmin::write(std::string path, bool there, int32_t version, std::string json) {
  if (there) {
    const StatReply replaced = co_await client_.async_set_data(path, json, version);
    co_return replaced.error;
  }
  const CreateReply created = co_await client_.async_create(path, json);
  co_return created.error;
}

}  // namespace ottla

// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/bootstrap.h"

#include "broker/controller/znodes.h"
#include "protocol/base/log.h"

namespace ottla {

using coordination::CreateMode;
using coordination::CreateReply;
using coordination::DataReply;
using coordination::MultiReply;
using coordination::Op;
using coordination::StatReply;
using coordination::ZkError;

namespace {

Status failure(ZkError error, const std::string& what) {
  return {ErrorCode::UNKNOWN_SERVER_ERROR, what + ": " + coordination::error_text(error)};
}

bool same_endpoints(const BrokerNode& a, const BrokerNode& b) {
  if (a.endpoints.size() != b.endpoints.size()) return false;
  for (const Endpoint& endpoint : a.endpoints) {
    const Endpoint* other = b.endpoint(endpoint.listener);
    if (other == nullptr || other->host != endpoint.host || other->port != endpoint.port) return false;
  }
  return true;
}

}  // namespace

Task<Status> ensure_startup_paths(coordination::Client& client) {
  const auto& paths = znodes::startup_paths();
  const auto replies = co_await gather<CreateReply>(paths.size(), [&](size_t i, auto done) {
    client.create(paths[i], std::nullopt, coordination::default_acl(), CreateMode::kPersistent, done);
  });
  for (size_t i = 0; i < replies.size(); ++i) {
    if (!replies[i].ok() && replies[i].error != ZkError::kNodeExists) {
      co_return failure(replies[i].error, "cannot create " + paths[i] + " in ZooKeeper");
    }
  }
  co_return Status();
}

Task<Result<std::string>> obtain_cluster_id(coordination::Client& client, RandomBytes random) {
  // Two brokers may start at once: whoever loses the race to create reads what the other wrote.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const DataReply existing = co_await client.async_get_data(znodes::kClusterId);
    if (existing.ok()) co_return znodes::decode_cluster_id(existing.data);
    if (existing.error != ZkError::kNoNode) co_return failure(existing.error, "cannot read /cluster/id");
    const std::string id = Uuid::from_random(random()).to_string();
    const std::vector<std::string> paths = {"/cluster", znodes::kClusterId};
    const auto created = co_await gather<CreateReply>(2, [&](size_t i, auto done) {
      const std::optional<std::string> data =
          i == 0 ? std::nullopt : std::optional(znodes::encode_cluster_id(id));
      client.create(paths[i], data, coordination::default_acl(), CreateMode::kPersistent, done);
    });
    if (created[1].ok()) co_return id;
    if (created[1].error != ZkError::kNodeExists)
      co_return failure(created[1].error, "cannot create /cluster/id");
  }
  co_return Status(ErrorCode::UNKNOWN_SERVER_ERROR, "/cluster/id comes and goes in ZooKeeper");
}

Task<Result<int32_t>> generate_broker_id(coordination::Client& client, int32_t reserved_max) {
  const StatReply counted = co_await client.async_set_data(znodes::kBrokerSequence, std::string());
  if (!counted.ok()) co_return failure(counted.error, "cannot draw a broker id from /brokers/seqid");
  co_return reserved_max + counted.stat.version;
}

Task<Result<int64_t>> register_broker(coordination::Client& client, const BrokerNode& node, int64_t wall_ms) {
  const std::string path = znodes::broker_path(node.id);
  for (int attempt = 0; attempt < 3; ++attempt) {
    // One transaction, as Kafka writes it: the update's answer brings the stat, and with it the epoch.
    std::vector<Op> ops;
    ops.push_back(Op::create(path, znodes::encode_broker(node, wall_ms), coordination::default_acl(),
                             CreateMode::kEphemeral));
    ops.push_back(Op::set_data(path, znodes::encode_broker(node, wall_ms)));
    const MultiReply created = co_await client.async_multi(std::move(ops));
    if (created.ok()) co_return created.results[1].stat.czxid;
    if (created.error != ZkError::kNodeExists) co_return failure(created.error, "cannot create " + path);
    const DataReply existing = co_await client.async_get_data(path);
    if (existing.error == ZkError::kNoNode) continue;
    if (!existing.ok()) co_return failure(existing.error, "cannot read " + path);
    const auto owner = znodes::decode_broker(node.id, existing.data);
    const bool ours = existing.stat.ephemeral_owner == client.session_id();
    if (ours) co_return existing.stat.czxid;
    if (!owner.ok() || !same_endpoints(*owner, node)) {
      co_return Status(
          ErrorCode::INVALID_CONFIG,
          "broker.id " + std::to_string(node.id) + " is taken: " + path +
              " exists in ZooKeeper and belongs to another broker (" + existing.data +
              "). Give this broker another broker.id, or stop the other one and wait for its session to end");
    }
    log_info("broker.controller", "{} was left behind by an earlier run at the same address: taking it over",
             path);
    co_await client.async_remove(path);
  }
  co_return Status(ErrorCode::UNKNOWN_SERVER_ERROR, path + " comes and goes in ZooKeeper");
}

}  // namespace ottla

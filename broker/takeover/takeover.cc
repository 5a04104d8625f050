// SPDX-License-Identifier: Apache-2.0
#include "broker/takeover/takeover.h"

#include <fmt/format.h>

#include <optional>

#include "broker/controller/znodes.h"
#include "broker/takeover/kraft_log.h"
#include "protocol/base/log.h"

namespace ottla::takeover {

using coordination::CreateMode;
using coordination::CreateReply;
using coordination::DataReply;
using coordination::StatReply;
using coordination::ZkError;

namespace {

constexpr const char* kComponent = "broker.takeover";

Status failure(ZkError error, const std::string& path) {
  return {ErrorCode::UNKNOWN_SERVER_ERROR,
          fmt::format("taking over from KRaft: cannot write {}: {}", path, coordination::error_text(error))};
}

struct Source {
  std::string directory;
  storage::MetaProperties meta;
};

// The log directory that holds KRaft's metadata and was not taken over yet.
Result<std::optional<Source>> find_source(storage::FileSystem& files, const storage::LogManager& logs) {
  bool formatted_for_kraft = false;
  for (const auto& state : logs.directories()) {
    if (!state.online) continue;
    const auto meta = storage::read_meta_properties(files, state.path);
    if (!meta.ok()) return meta.status();
    if (!meta->has_value() || (*meta)->version != 1) continue;
    formatted_for_kraft = true;
    const std::string directory = fmt::format("{}/{}", state.path, kMetadataDirectory);
    if (files.exists(directory)) return std::optional(Source{directory, **meta});
  }
  if (formatted_for_kraft)
    log_warn(
        kComponent,
        "log.dirs are of a broker in KRaft mode, and {} is in none of them: its topics are not known here; "
        "add the directory of metadata.log.dir to log.dirs to have them taken over",
        kMetadataDirectory);
  return std::optional<Source>();
}

Status check_brokers(const KraftImage& image, int32_t id) {
  for (const int32_t broker : image.brokers()) {
    if (broker == id) continue;
    return {
        ErrorCode::INVALID_CONFIG,
        fmt::format(
            "the directory is of broker {} in a KRaft cluster where broker {} holds replicas, too: only a "
            "cluster of one broker can be taken over. Reassign all partitions to one broker with Kafka, "
            "then take over its directory",
            id, broker)};
  }
  return {};
}

// /cluster/id, first of all: a start that finds it with this id goes on with what was begun.
Task<Status> claim_cluster(coordination::Client& client, std::string cluster_id) {
  const DataReply existing = co_await client.async_get_data(znodes::kClusterId);
  if (existing.ok()) {
    const auto other = znodes::decode_cluster_id(existing.data);
    if (!other.ok()) co_return other.status();
    if (*other == cluster_id) co_return Status();
    co_return Status(
        ErrorCode::INCONSISTENT_CLUSTER_ID,
        fmt::format("log.dirs are of the KRaft cluster {}, and ZooKeeper at {} serves cluster {}: give "
                    "it a chroot or a data directory of its own",
                    cluster_id, client.describe(), *other));
  }
  const auto topics = co_await client.async_get_children(znodes::kTopics);
  if (topics.ok() && !topics.children.empty()) {
    co_return Status(
        ErrorCode::INVALID_CONFIG,
        fmt::format("ZooKeeper at {} has topics of another cluster: the KRaft cluster {} needs a chroot "
                    "or a data directory of its own",
                    client.describe(), cluster_id));
  }
  const CreateReply parent = co_await client.async_create("/cluster", std::nullopt);
  if (!parent.ok() && parent.error != ZkError::kNodeExists) co_return failure(parent.error, "/cluster");
  const CreateReply created =
      co_await client.async_create(znodes::kClusterId, znodes::encode_cluster_id(cluster_id));
  co_return created.ok() ? Status() : failure(created.error, znodes::kClusterId);
}

struct Node {
  std::string path;
  std::optional<std::string> data;
};

// A broker that stopped in good order leads nothing, is in no ISR and still eligible (KIP-966): its replica,
// the only one, leads again, in a new epoch.
znodes::PartitionStateNode state_of(const KraftImage::Partition& partition) {
  znodes::PartitionStateNode state;
  state.leader = partition.leader;
  state.leader_epoch = partition.leader_epoch;
  state.isr = partition.isr.empty() ? partition.replicas : partition.isr;
  if (state.leader >= 0 || state.isr.empty()) return state;
  state.leader = state.isr.front();
  ++state.leader_epoch;
  return state;
}

// Parents first.
std::vector<Node> nodes_of(const std::string& name, const KraftImage::Topic& topic) {
  std::vector<Node> nodes;
  znodes::TopicAssignment assignment;
  assignment.topic_id = topic.id;
  for (const auto& [index, partition] : topic.partitions) assignment.replicas[index] = partition.replicas;
  nodes.push_back({znodes::topic_path(name), znodes::encode_topic(assignment)});
  nodes.push_back({znodes::partitions_path(name), std::nullopt});
  for (const auto& [index, partition] : topic.partitions) {
    nodes.push_back({znodes::partition_path(name, index), std::nullopt});
    nodes.push_back(
        {znodes::partition_state_path(name, index), znodes::encode_partition_state(state_of(partition))});
  }
  return nodes;
}

// No transaction, since a large topic would not fit into one. What is there is from a start that was killed.
Task<Status> write_topic(coordination::Client& client, std::vector<Node> nodes) {
  const auto replies = co_await gather<CreateReply>(nodes.size(), [&](size_t i, auto done) {
    client.create(nodes[i].path, nodes[i].data, coordination::default_acl(), CreateMode::kPersistent, done);
  });
  for (size_t i = 0; i < replies.size(); ++i) {
    if (!replies[i].ok() && replies[i].error != ZkError::kNodeExists)
      co_return failure(replies[i].error, nodes[i].path);
  }
  co_return Status();
}

Task<Status> write_settings(coordination::Client& client, std::string path, std::string data) {
  const CreateReply created = co_await client.async_create(path, data);
  if (created.ok()) co_return Status();
  if (created.error != ZkError::kNodeExists) co_return failure(created.error, path);
  const StatReply replaced = co_await client.async_set_data(path, data);
  co_return replaced.ok() ? Status() : failure(replaced.error, path);
}

// The next block that a broker draws begins where KRaft's would have.
Task<Status> write_producer_ids(coordination::Client& client, int32_t broker, int64_t next) {
  if (next <= 0) co_return Status();
  const DataReply current = co_await client.async_get_data(znodes::kProducerIdBlock);
  if (current.ok() && !current.data.empty()) {
    const auto block = znodes::decode_producer_id_block(current.data);
    if (block.ok() && block->last >= next - 1) co_return Status();
  }
  znodes::ProducerIdBlock block;
  block.broker = broker;
  block.first = next - 1;
  block.last = next - 1;
  const StatReply written =
      co_await client.async_set_data(znodes::kProducerIdBlock, znodes::encode_producer_id_block(block));
  co_return written.ok() ? Status() : failure(written.error, znodes::kProducerIdBlock);
}

Task<Status> write_image(coordination::Client& client, const KraftImage& image, int32_t broker) {
  for (const auto& [name, topic] : image.topics()) {
    const Status written = co_await write_topic(client, nodes_of(name, topic));
    if (!written.ok()) co_return written;
  }
  for (const auto& [resource, values] : image.settings()) {
    const auto& [type, name] = resource;
    std::string path;
    if (type == KraftImage::kTopicResource) path = znodes::topic_config_path(name);
    if (type == KraftImage::kBrokerResource)
      path = znodes::broker_config_path(name.empty() ? "<default>" : name);
    if (path.empty()) continue;
    const Status written = co_await write_settings(client, path, znodes::encode_config(values));
    if (!written.ok()) co_return written;
  }
  co_return co_await write_producer_ids(client, broker, image.next_producer_id());
}

void tell(const KraftImage& image, const Source& source) {
  size_t partitions = 0;
  size_t values = 0;
  for (const auto& [name, topic] : image.topics()) partitions += topic.partitions.size();
  for (const auto& [resource, settings] : image.settings()) values += settings.size();
  log_info(kComponent,
           "taken over from KRaft ({}): cluster {}, broker {}, {} topics with their ids, {} partitions, {} "
           "settings, "
           "producer ids from {} on. Groups and their offsets are in __consumer_offsets",
           source.directory, source.meta.cluster_id, source.meta.broker_id, image.topics().size(), partitions,
           values, image.next_producer_id());
  const auto left = image.not_taken_over();
  log_info(kComponent, "not taken over: {}{}transactions that were open (they stay open), share groups",
           fmt::join(left, ", "), left.empty() ? "" : ", ");
  log_info(kComponent,
           "what it replaces is kept as meta.properties.kraft; {} stays as it is. There is no way back: "
           "Kafka in KRaft "
           "mode would not know what is written from now on",
           source.directory);
}

}  // namespace

Task<Status> take_over_kraft(coordination::Client& client, storage::FileSystem& files,
                             storage::LogManager& logs, int32_t configured_broker_id) {
  const auto source = find_source(files, logs);
  if (!source.ok()) co_return source.status();
  if (!source->has_value()) co_return Status();
  const storage::MetaProperties& meta = (*source)->meta;
  const int32_t broker = configured_broker_id >= 0 ? configured_broker_id : meta.broker_id;
  Status status = logs.take_identity(broker, meta.cluster_id);
  if (!status.ok()) co_return status;
  const auto image = read_kraft_metadata(files, (*source)->directory);
  if (!image.ok()) {
    co_return Status(image.status().code(),
                     fmt::format("the metadata of KRaft cannot be read, and nothing was changed: {}",
                                 image.status().message()));
  }
  status = check_brokers(*image, broker);
  if (status.ok()) status = co_await claim_cluster(client, meta.cluster_id);
  if (status.ok()) status = logs.leave_kraft();
  if (status.ok()) status = co_await write_image(client, *image, broker);
  if (status.ok()) tell(*image, **source);
  co_return status;
}

}  // namespace ottla::takeover

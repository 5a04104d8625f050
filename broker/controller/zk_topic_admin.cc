// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/zk_topic_admin.h"

#include <algorithm>
#include <set>

#include "broker/controller/znodes.h"
#include "protocol/base/log.h"

namespace ottla {

using coordination::CreateReply;
using coordination::DataReply;
using coordination::StatReply;
using coordination::ZkError;

namespace {

constexpr int32_t kAutoCreateTimeoutMs = 30'000;
constexpr int64_t kProducerIdsPerBlock = 1000;
// More than one znode holds; a request for two thousand million of them must not cost the memory of their
// list.
constexpr int32_t kMostNewPartitions = 100000;

TopicOutcome outcome_of(const Status& status) {
  TopicOutcome outcome;
  outcome.error = status.code();
  outcome.message = status.message();
  return outcome;
}

TopicOutcome lost(ZkError error) {
  return outcome_of(
      {ErrorCode::UNKNOWN_SERVER_ERROR, "ZooKeeper answered " + coordination::error_text(error)});
}

Status too_many_partitions() {
  return {ErrorCode::POLICY_VIOLATION, "Excessively large number of partitions per request."};
}

// '.' and '_' become the same character in metric names, so Kafka lets no two topics differ only by them.
std::string collision_key(std::string_view name) {
  std::string key(name);
  std::replace(key.begin(), key.end(), '.', '_');
  return key;
}

}  // namespace

std::string invalid_topic_name_reason(std::string_view name) { return TopicTexts(false).invalid_name(name); }

ZkTopicAdmin::ZkTopicAdmin(Settings settings, EventLoop& loop, coordination::Client& client,
                           MetadataCache& metadata, Controller& controller, RandomBytes random,
                           ValidateConfig validate_config)
    : settings_(settings),
      texts_(settings.texts_of_4),
      loop_(loop),
      client_(client),
      metadata_(metadata),
      controller_(controller),
      random_(std::move(random)),
      validate_config_(std::move(validate_config)) {}

TopicAdmin::Done ZkTopicAdmin::once_durable(Done done) {
  return [this, done = std::move(done)](const TopicOutcome& outcome) {
    if (outcome.error != ErrorCode::NONE) return done(outcome);
    client_.when_durable([done, outcome] { done(outcome); });
  };
}

// The client finds the controller in its metadata.
bool ZkTopicAdmin::refuse_as_no_controller(const Done& done) const {
  if (controller_.active()) return false;
  done(outcome_of({ErrorCode::NOT_CONTROLLER, "This is not the correct controller for this cluster."}));
  return true;
}

void ZkTopicAdmin::create_topic(CreateTopicSpec spec, int32_t timeout_ms, bool validate_only, Done done) {
  if (refuse_as_no_controller(done)) return;
  start_create(std::move(spec), timeout_ms, validate_only, once_durable(std::move(done)));
}

void ZkTopicAdmin::start_create(CreateTopicSpec spec, int32_t timeout_ms, bool validate_only, Done done) {
  start_detached(run_create(std::move(spec), timeout_ms, validate_only, std::move(done)));
}

Status ZkTopicAdmin::check_new_topic(const CreateTopicSpec& spec) {
  const std::string reason = texts_.invalid_name(spec.name);
  if (!reason.empty()) return {ErrorCode::INVALID_TOPIC_EXCEPTION, reason};
  if (metadata_.find(spec.name) != nullptr) {
    return {ErrorCode::TOPIC_ALREADY_EXISTS, "Topic '" + spec.name + "' already exists."};
  }
  if (spec.name.find_first_of("._") != std::string::npos) {
    for (const auto& [other, topic] : metadata_.topics()) {
      if (collision_key(other) == collision_key(spec.name)) {
        return {ErrorCode::INVALID_TOPIC_EXCEPTION, texts_.collision(spec.name, other)};
      }
    }
  }
  std::map<std::string, std::string> configs;
  for (const auto& [key, value] : spec.configs) {
    if (!value) return {ErrorCode::INVALID_REQUEST, "Null value not supported for topic configs : " + key};
    configs[key] = *value;
  }
  return validate_config_(configs);
}

Result<std::map<int32_t, std::vector<int32_t>>> ZkTopicAdmin::assign(const CreateTopicSpec& spec) {
  std::map<int32_t, std::vector<int32_t>> assigned;
  if (!spec.assignments.empty()) {
    if (spec.partitions != -1 || spec.replication_factor != -1) {
      return Status(ErrorCode::INVALID_REQUEST,
                    "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot "
                    "be used at the "
                    "same time.");
    }
    for (const auto& [partition, replicas] : spec.assignments) {
      const std::set<int32_t> distinct(replicas.begin(), replicas.end());
      if (replicas.empty() || distinct.size() != replicas.size()) {
        return Status(ErrorCode::INVALID_REPLICA_ASSIGNMENT,
                      "Duplicate or no replicas in the assignment of partition " + std::to_string(partition));
      }
      for (const int32_t id : replicas) {
        if (!metadata_.brokers.contains(id)) {
          return Status(ErrorCode::INVALID_REPLICA_ASSIGNMENT,
                        "Unknown broker(s) in replica assignment: " + std::to_string(id));
        }
      }
      assigned[partition] = replicas;
    }
    const bool consecutive =
        assigned.begin()->first == 0 && assigned.rbegin()->first + 1 == static_cast<int32_t>(assigned.size());
    if (consecutive && assigned.size() == spec.assignments.size()) return assigned;
    return Status(ErrorCode::INVALID_REPLICA_ASSIGNMENT,
                  "partitions should be a consecutive 0-based integer sequence");
  }
  const int32_t partitions = spec.partitions == -1 ? settings_.num_partitions : spec.partitions;
  const int16_t factor =
      spec.replication_factor == -1 ? settings_.default_replication_factor : spec.replication_factor;
  if (partitions <= 0)
    return Status(ErrorCode::INVALID_PARTITIONS, "Number of partitions must be larger than 0.");
  if (factor <= 0)
    return Status(ErrorCode::INVALID_REPLICATION_FACTOR, "Replication factor must be larger than 0.");
  if (static_cast<size_t>(factor) > metadata_.brokers.size()) {
    return Status(ErrorCode::INVALID_REPLICATION_FACTOR,
                  texts_.too_many_replicas(factor, metadata_.brokers.size()));
  }
  if (partitions > kMostNewPartitions) return too_many_partitions();
  const auto chosen = spread(0, partitions, factor);
  for (int32_t i = 0; i < partitions; ++i) assigned[i] = chosen[static_cast<size_t>(i)];
  return assigned;
}

// Round robin from a random broker, the further replicas shifted once more each round
// (AdminUtils.assignReplicasToBrokers).
std::vector<std::vector<int32_t>> ZkTopicAdmin::spread(int32_t first_partition, int32_t count,
                                                       int16_t replication_factor) {
  std::vector<int32_t> ids;
  for (const auto& [id, node] : metadata_.brokers) ids.push_back(id);
  const size_t n = ids.size();
  const auto random = random_();
  const size_t start = random[0] % n;
  size_t shift = random[1] % n;
  std::vector<std::vector<int32_t>> out;
  for (int32_t i = 0; i < count; ++i) {
    const auto partition = static_cast<size_t>(first_partition + i);
    if (partition > 0 && partition % n == 0) ++shift;
    const size_t first = (partition + start) % n;
    std::vector<int32_t> replicas = {ids[first]};
    for (int16_t r = 1; r < replication_factor; ++r) {
      replicas.push_back(ids[(first + 1 + (shift + static_cast<size_t>(r) - 1) % (n - 1)) % n]);
    }
    out.push_back(std::move(replicas));
  }
  return out;
}

Task<void> ZkTopicAdmin::run_create(CreateTopicSpec spec, int32_t timeout_ms, bool validate_only, Done done) {
  const Status valid = check_new_topic(spec);
  if (!valid.ok()) co_return done(outcome_of(valid));
  auto replicas = assign(spec);
  if (!replicas.ok()) co_return done(outcome_of(replicas.status()));
  znodes::TopicAssignment assignment;
  assignment.replicas = std::move(*replicas);
  TopicOutcome outcome;
  outcome.partitions = static_cast<int32_t>(assignment.replicas.size());
  outcome.replication_factor = static_cast<int16_t>(assignment.replicas.begin()->second.size());
  if (validate_only) co_return done(outcome);
  assignment.topic_id = Uuid::from_random(random_());
  outcome.topic_id = assignment.topic_id;
  std::map<std::string, std::string> configs;
  for (const auto& [key, value] : spec.configs) configs[key] = *value;
  const std::string config_path = znodes::topic_config_path(spec.name);
  const std::string config_json = znodes::encode_config(configs);
  // Both at once: they share one commit of the coordination log. The settings come first, so the topic is
  // never seen without.
  const std::vector<std::string> paths = {config_path, znodes::topic_path(spec.name)};
  const std::vector<std::string> data = {config_json, znodes::encode_topic(assignment)};
  const auto created = co_await gather<CreateReply>(2, [&](size_t i, auto reply) {
    client_.create(paths[i], data[i], coordination::default_acl(), coordination::CreateMode::kPersistent,
                   reply);
  });
  if (created[1].error == ZkError::kNodeExists) {
    co_return done(
        outcome_of({ErrorCode::TOPIC_ALREADY_EXISTS, "Topic '" + spec.name + "' already exists."}));
  }
  if (!created[1].ok()) co_return done(lost(created[1].error));
  if (created[0].error == ZkError::kNodeExists) {
    // Settings of a topic that was there before.
    const StatReply replaced = co_await client_.async_set_data(config_path, config_json);
    if (!replaced.ok()) co_return done(lost(replaced.error));
  }
  controller_.take_up_topic(spec.name);
  const auto count = static_cast<size_t>(outcome.partitions);
  wait_until([this, name = spec.name, count] { return serves(name, count); }, timeout_ms,
             [outcome, done](bool in_time) mutable {
               if (!in_time) {
                 outcome.error = ErrorCode::REQUEST_TIMED_OUT;
                 outcome.message =
                     "The topic is being created, but was not ready within the request's timeout.";
               }
               done(outcome);
             });
}

void ZkTopicAdmin::delete_topic(std::string name, int32_t timeout_ms, Done done) {
  if (refuse_as_no_controller(done)) return;
  if (!settings_.delete_topic_enable) {
    return done(outcome_of({ErrorCode::TOPIC_DELETION_DISABLED, "Topic deletion is disabled."}));
  }
  const TopicMetadata* topic = metadata_.find(name);
  if (topic == nullptr) {
    return done(outcome_of(
        {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition."}));
  }
  start_detached(run_delete(std::move(name), timeout_ms, once_durable(std::move(done))));
}

Task<void> ZkTopicAdmin::run_delete(std::string name, int32_t timeout_ms, Done done) {
  TopicOutcome outcome;
  const TopicMetadata* topic = metadata_.find(name);
  if (topic != nullptr) outcome.topic_id = topic->id;
  const CreateReply wish = co_await client_.async_create(znodes::delete_topic_path(name), std::nullopt);
  if (!wish.ok() && wish.error != ZkError::kNodeExists) co_return done(lost(wish.error));
  controller_.check_deletions();
  wait_until([this, name] { return metadata_.find(name) == nullptr; }, timeout_ms,
             [outcome, done](bool in_time) mutable {
               if (!in_time) {
                 outcome.error = ErrorCode::REQUEST_TIMED_OUT;
                 outcome.message =
                     "The topic is being deleted, but was still there at the request's timeout.";
               }
               done(outcome);
             });
}

void ZkTopicAdmin::create_partitions(std::string name, int32_t count,
                                     std::vector<std::vector<int32_t>> assignments, int32_t timeout_ms,
                                     bool validate_only, Done done) {
  if (refuse_as_no_controller(done)) return;
  const TopicMetadata* topic = metadata_.find(name);
  if (topic == nullptr) {
    return done(
        outcome_of({ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "The topic '" + name + "' does not exist."}));
  }
  const auto current = static_cast<int32_t>(topic->partitions.size());
  if (count <= current) {
    return done(outcome_of({ErrorCode::INVALID_PARTITIONS, texts_.no_increase(name, current, count)}));
  }
  const int32_t added = count - current;
  if (added > kMostNewPartitions) return done(outcome_of(too_many_partitions()));
  if (assignments.empty()) {
    assignments = spread(current, added, static_cast<int16_t>(topic->partitions.at(0).replicas.size()));
  } else if (assignments.size() != static_cast<size_t>(added)) {
    return done(outcome_of({ErrorCode::INVALID_REPLICA_ASSIGNMENT,
                            "Increasing the number of partitions by " + std::to_string(added) + " but " +
                                std::to_string(assignments.size()) + " assignments provided."}));
  }
  znodes::TopicAssignment grown;
  grown.topic_id = topic->id;
  for (int32_t i = 0; i < current; ++i)
    grown.replicas[i] = topic->partitions[static_cast<size_t>(i)].replicas;
  for (size_t i = 0; i < assignments.size(); ++i) {
    for (const int32_t id : assignments[i]) {
      if (metadata_.brokers.contains(id)) continue;
      return done(outcome_of({ErrorCode::INVALID_REPLICA_ASSIGNMENT,
                              "Unknown broker(s) in replica assignment: " + std::to_string(id) + "."}));
    }
    grown.replicas[current + static_cast<int32_t>(i)] = assignments[i];
  }
  TopicOutcome outcome;
  outcome.partitions = count;
  if (validate_only) return done(outcome);
  start_detached(
      run_create_partitions(std::move(name), std::move(grown), timeout_ms, once_durable(std::move(done))));
}

Task<void> ZkTopicAdmin::run_create_partitions(std::string name, znodes::TopicAssignment grown,
                                               int32_t timeout_ms, Done done) {
  const StatReply written =
      co_await client_.async_set_data(znodes::topic_path(name), znodes::encode_topic(grown));
  if (!written.ok()) co_return done(lost(written.error));
  const size_t count = grown.replicas.size();
  wait_until([this, name, count] { return serves(name, count); }, timeout_ms,
             [count, done](bool in_time) {
               TopicOutcome outcome;
               outcome.partitions = static_cast<int32_t>(count);
               if (!in_time) {
                 outcome.error = ErrorCode::REQUEST_TIMED_OUT;
                 outcome.message =
                     "The partitions are being created, but were not ready within the request's timeout.";
               }
               done(outcome);
             });
}

void ZkTopicAdmin::auto_create(const std::string& name, Done done) {
  auto& waiting = auto_creations_[name];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  CreateTopicSpec spec;
  spec.name = name;
  if (name == "__consumer_offsets") {
    spec.partitions = settings_.offsets_partitions;
    spec.replication_factor = settings_.offsets_replication_factor;
    spec.configs = {{"cleanup.policy", "compact"},
                    {"compression.type", "producer"},
                    {"segment.bytes", std::to_string(settings_.offsets_segment_bytes)}};
  }
  // Nobody asked for the topic itself: what comes into it is no safer from a power cut than the topic.
  start_create(std::move(spec), kAutoCreateTimeoutMs, false, [this, name](const TopicOutcome& outcome) {
    if (outcome.error != ErrorCode::NONE && outcome.error != ErrorCode::TOPIC_ALREADY_EXISTS) {
      log_warn("broker.controller", "topic {} can not be created automatically: {}", name, outcome.message);
    }
    const std::vector<Done> all = std::exchange(auto_creations_[name], {});
    auto_creations_.erase(name);
    for (const Done& one : all) one(outcome);
  });
}

void ZkTopicAdmin::next_producer_id(std::function<void(ErrorCode, int64_t)> done) {
  if (next_producer_id_ <= block_.last) return done(ErrorCode::NONE, next_producer_id_++);
  id_requests_.push_back(std::move(done));
  draw_producer_ids();
}

void ZkTopicAdmin::draw_producer_ids() {
  if (claiming_) return;
  start_detached([](ZkTopicAdmin& admin) -> Task<void> {
    const Status claimed = co_await admin.claim_producer_ids();
    const auto requests = std::exchange(admin.id_requests_, {});
    for (const auto& request : requests) {
      if (claimed.ok()) {
        admin.next_producer_id(request);
      } else {
        log_warn("broker.controller", "no producer ids: {}", claimed.message());
        request(ErrorCode::COORDINATOR_NOT_AVAILABLE, -1);
      }
    }
  }(*this));
}

// Compare-and-set on the znode: two brokers never hold the same block
// (kafka.coordinator.transaction.ProducerIdManager).
Task<Status> ZkTopicAdmin::claim_producer_ids() {
  claiming_ = true;
  Status status(ErrorCode::UNKNOWN_SERVER_ERROR, "/latest_producer_id_block changes too fast");
  for (int attempt = 0; attempt < 10; ++attempt) {
    const DataReply current = co_await client_.async_get_data(znodes::kProducerIdBlock);
    if (!current.ok()) {
      status = Status(ErrorCode::UNKNOWN_SERVER_ERROR,
                      "/latest_producer_id_block: " + coordination::error_text(current.error));
      break;
    }
    znodes::ProducerIdBlock block;
    block.broker = settings_.broker_id;
    if (!current.data.empty()) {
      const auto last = znodes::decode_producer_id_block(current.data);
      if (!last.ok()) {
        status = last.status();
        break;
      }
      block.first = last->last + 1;
    }
    block.last = block.first + kProducerIdsPerBlock - 1;
    const StatReply claimed = co_await client_.async_set_data(
        znodes::kProducerIdBlock, znodes::encode_producer_id_block(block), current.stat.version);
    if (claimed.error == ZkError::kBadVersion) continue;
    if (claimed.ok()) {
      // No id is given out of a block that a power cut could give back.
      co_await client_.async_durable();
      block_ = block;
      next_producer_id_ = block.first;
      status = Status();
    } else {
      status = Status(ErrorCode::UNKNOWN_SERVER_ERROR,
                      "/latest_producer_id_block: " + coordination::error_text(claimed.error));
    }
    break;
  }
  claiming_ = false;
  co_return status;
}

bool ZkTopicAdmin::serves(const std::string& name, size_t partitions) const {
  const TopicMetadata* topic = metadata_.find(name);
  if (topic == nullptr || topic->partitions.size() < partitions) return false;
  return std::all_of(topic->partitions.begin(), topic->partitions.end(),
                     [](const PartitionMetadata& partition) { return partition.leader >= 0; });
}

void ZkTopicAdmin::wait_until(std::function<bool()> finished, int32_t timeout_ms,
                              std::function<void(bool)> done) {
  if (timeout_ms <= 0 || finished()) return done(finished());
  waits_.push_back({std::move(finished), std::move(done), nullptr});
  const auto position = std::prev(waits_.end());
  position->timer = loop_.make_timer([this, position] {
    const Wait wait = std::move(*position);
    waits_.erase(position);
    wait.done(false);
  });
  position->timer->start(timeout_ms);
}

void ZkTopicAdmin::on_metadata_changed() {
  std::vector<Wait> finished;
  for (auto wait = waits_.begin(); wait != waits_.end();) {
    if (wait->finished()) {
      finished.push_back(std::move(*wait));
      wait = waits_.erase(wait);
    } else {
      ++wait;
    }
  }
  for (const Wait& wait : finished) wait.done(true);
}

}  // namespace ottla

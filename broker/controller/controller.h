// SPDX-License-Identifier: Apache-2.0
// The controller: one broker of a cluster decides where partitions live (kafka.controller.KafkaController).
// It is elected through the ephemeral /controller, learns of wishes from watches on the znodes that the tools
// write, and answers them by writing partition states and opening partitions.
//
// The flow, with happy path first:
//   elect: create /controller and raise /controller_epoch in one multi; load every topic; tell every broker
//   what it leads and follows. create: /brokers/topics changes -> read the new topic -> give it an id ->
//   write
//   .../partitions/<n>/state -> LeaderAndIsr to its replicas, UpdateMetadata to all. grow: the topic's data
//   changes -> the same for the new partitions. delete: /admin/delete_topics changes -> StopReplica to its
//   replicas, which close and rename their logs -> remove the znodes, the wish last.
//   a broker goes: it leaves the in-sync replicas, others of these lead what it led. A broker comes: it is
//   told everything, and leads again where nobody else can. A leader changed its in-sync replicas: everybody
//   is told.
// Every write is a multi that checks /controller_epoch, so that a controller that lost its session changes
// nothing (D2), and the version of the partition's state, which its leader writes too. A step that fails
// because the session is gone ends its flow; the next session starts with elect, which does all of it again.
//
// What this broker is told goes to ControllerActions in the same turn; the others get it through
// ControllerChannels.
//
// Threads: the loop's. Events are handled one at a time (FlowQueue).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/controller/bootstrap.h"
#include "broker/controller/cluster_control.h"
#include "broker/controller/controller_channels.h"
#include "broker/controller/flow_queue.h"
#include "broker/controller/znodes.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/metadata/partition_state.h"
#include "broker/metadata/peers.h"
#include "coordination/client.h"
#include "protocol/base/event_loop.h"

namespace ottla {

// What the controller has done to the broker it runs in.
class ControllerActions {
 public:
  virtual ~ControllerActions() = default;
  // The topic's own settings, before its partitions are opened.
  virtual void set_topic_overrides(const std::string& topic,
                                   std::map<std::string, std::string> overrides) = 0;
  // What LeaderAndIsr tells other brokers: leads or follows. NONE, or why it can not.
  virtual ErrorCode apply(const PartitionChange& change) = 0;
  // The topic is gone from the metadata: its logs, its groups' offsets.
  virtual void drop_topic(const std::string& topic) = 0;
  // The live brokers in the metadata are others.
  virtual void brokers_changed() = 0;
  // unclean.leader.election.enable of a topic.
  virtual bool unclean_election(const std::string& topic) = 0;
};

class Controller {
 public:
  struct Settings {
    int32_t broker_id = 0;
    bool delete_topic_enable = true;
    std::string inter_broker_listener = "PLAINTEXT";
    int64_t socket_timeout_ms = 30000;  // controller.socket.timeout.ms
    // leader.imbalance.check.interval.seconds and leader.imbalance.per.broker.percentage; 0: never
    // (auto.leader.rebalance.enable=false).
    int64_t rebalance_interval_ms = 0;
    int32_t imbalance_percentage = 10;
  };

  // All references outlive the controller. `random` is for topic ids.
  Controller(Settings settings, EventLoop& loop, coordination::Client& client, MetadataCache& metadata,
             ControllerActions& actions, Peers& peers, RandomBytes random);

  // Runs for controller now, with this broker registered: `done` is called when the topics are loaded and
  // open, or another broker was found in office, or with what failed. Called again after each new session.
  void start(std::function<void(Status)> done);
  // Forgets what waits; the session is over.
  void stop();
  bool active() const { return active_; }

  // For the client's watch handler. Events that are not the controller's are ignored.
  void on_watch_event(const coordination::WatchEvent& event);
  // Takes up a topic or looks for deletions now, as a watch would: whoever wrote a wish in this process need
  // not wait for it. The topic's name saves the list of all.
  void take_up_topic(std::string name);
  void check_deletions();

  // `broker` wants to stop: what it leads is given to others, and it leaves the in-sync replicas, where there
  // are others. What is left with it: partitions that nobody else can lead. STALE_BROKER_EPOCH,
  // BROKER_NOT_AVAILABLE, NOT_CONTROLLER.
  using ShutdownDone = std::function<void(ErrorCode, const std::vector<znodes::TopicPartition>& remaining)>;
  void controlled_shutdown(int32_t broker, int64_t broker_epoch, ShutdownDone done);

  // A leader that does not write the znodes itself (kafka AlterIsr, KIP-497) asks for other in-sync replicas.
  // FENCED_LEADER_EPOCH, INVALID_UPDATE_VERSION, UNKNOWN_TOPIC_OR_PARTITION for one; NOT_CONTROLLER,
  // STALE_BROKER_EPOCH for all.
  void alter_partitions(int32_t broker, int64_t broker_epoch, std::vector<PartitionChange> changes,
                        ClusterControl::AlteredDone done);

  // Makes the first replica of the assignment the leader, where it lives and is in sync (ElectLeaders,
  // /admin/preferred_replica_election, auto.leader.rebalance.enable), or, `unclean`, gives those a leader
  // that have none. ELECTION_NOT_NEEDED, PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE,
  // UNKNOWN_TOPIC_OR_PARTITION, NOT_CONTROLLER.
  void elect_leaders_of(std::optional<std::vector<znodes::TopicPartition>> partitions, bool unclean,
                        ClusterControl::ElectedDone done);

  // Called whenever the metadata of topics changed.
  void set_listener(std::function<void()> changed) { changed_ = std::move(changed); }

 private:
  struct TopicEntry {
    znodes::TopicAssignment assignment;
    std::map<int32_t, znodes::PartitionStateNode> states;
    std::set<int32_t> created;        // the partitions whose states this controller made, until they are told
    std::map<int32_t, int32_t> told;  // the leader epoch that the replicas were told last
  };
  using States = std::map<int32_t, znodes::PartitionStateNode>;

  // controller.cc
  Task<void> run_election(std::function<void(Status)> done);
  void resign();
  Task<Status> elect();
  Task<Status> take_office(int32_t old_epoch, int32_t epoch_version);
  Task<Status> load_cluster();
  Task<Status> load_brokers();
  Task<void> on_brokers_changed();
  Task<void> elect_everywhere();
  Task<void> read_isr_changes();
  Task<void> run_shutdown(int32_t broker, int64_t broker_epoch, ShutdownDone done);
  Task<void> run_alter_partitions(int32_t broker, int64_t broker_epoch, std::vector<PartitionChange> changes,
                                  ClusterControl::AlteredDone done);
  Task<ClusterControl::Altered> alter_partition(int32_t broker, PartitionChange change);
  void on_replica_told(int32_t broker, const std::string& topic, int32_t index, bool failed);

  // controller_topics.cc
  void check_topics();
  Task<void> read_topics();
  Task<void> read_new_topic(std::string name);
  Task<void> read_topic(std::string name);
  Task<void> update_topics(std::vector<std::string> names);
  Task<bool> give_topic_ids(std::vector<std::string> names);
  Task<void> read_deletions();
  Task<bool> delete_topic(std::string name);
  Task<bool> stop_replicas(std::string name);

  // controller_elections.cc
  Task<void> run_elections(std::optional<std::vector<znodes::TopicPartition>> partitions, bool unclean,
                           ClusterControl::ElectedDone done);
  Result<znodes::PartitionStateNode> chosen_leader(const std::string& name, int32_t index, bool unclean);
  Task<void> read_election_wishes();
  void rebalance();
  std::vector<znodes::TopicPartition> imbalanced() const;

  // controller_partitions.cc
  Task<void> load_states(std::string name, bool again);
  Task<void> elect_leaders(std::string name);
  std::optional<znodes::PartitionStateNode> next_state(const std::string& name, int32_t index,
                                                       const znodes::PartitionStateNode& state);
  Task<bool> write_states(std::string name, States next);
  Task<bool> create_states(std::string name);
  bool alive(int32_t broker) const;
  bool usable(const std::string& name, int32_t index, int32_t broker) const;
  PartitionChange change_of(const std::string& name, int32_t index);
  void publish(const std::string& name);
  ErrorCode tell_replicas(const PartitionChange& change);
  void tell_everything(int32_t broker);
  void forget(const std::string& name);
  void send_later();
  void send();

  Settings settings_;
  EventLoop& loop_;
  coordination::Client& client_;
  MetadataCache& metadata_;
  ControllerActions& actions_;
  RandomBytes random_;
  FlowQueue queue_;
  ControllerChannels channels_;
  std::function<void()> changed_ = [] {};
  std::map<std::string, TopicEntry> topics_;
  std::set<std::string> watched_topics_;  // those whose data watch is armed
  std::set<int32_t> bounced_;             // registered anew, and not counted as alive for a moment
  std::set<int32_t> shutting_down_;
  std::set<std::pair<int32_t, znodes::TopicPartition>> failed_;  // replicas whose logs are not to be had
  std::map<int32_t, std::vector<PartitionChange>> to_tell_;      // LeaderAndIsr, by broker
  std::set<std::string> to_show_;                                // topics of the next UpdateMetadata
  std::vector<PartitionChange> gone_;                            // and what it says is gone
  bool brokers_to_show_ = false;
  bool send_waits_ = false;
  bool active_ = false;
  bool topics_check_waits_ = false;
  std::unique_ptr<Timer> topics_check_timer_;
  bool deletions_check_waits_ = false;
  std::unique_ptr<Timer> rebalance_timer_;
  int32_t epoch_ = 0;
  int32_t epoch_version_ = 0;  // the data version of /controller_epoch that our multis check
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla

// SPDX-License-Identifier: Apache-2.0
// The broker: everything that makes it Kafka, put together, started and stopped (kafka.server.KafkaServer).
//
// Start, in order; each step's failure ends the start with a sentence that says what to change:
//   1. listeners are bound (nobody is accepted yet), log directories locked, meta.properties read
//   2. the session with coordination opens, within zookeeper.connection.timeout.ms
//   3. the persistent paths; what KRaft left is taken over; the cluster id, the broker id; settings kept in
//   ZooKeeper
//   4. logs are loaded, recovered where the last stop was not clean
//   5. /brokers/ids/<id>, election, topics; the partitions led here are open
//   6. clients are accepted
// A session that expires later starts again at 5; meanwhile clients are served.
//
// Stop: others take over what this broker leads, where there are others; clients are let go, groups stop, the
// session is closed (so the ephemerals go at once), logs are flushed and marked clean.
//
// Threads: whoever has the turn (broker/net/uv_loop.h).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/apis/services.h"
#include "broker/config/broker_config.h"
#include "broker/config/config_store.h"
#include "broker/controller/cluster_control.h"
#include "broker/controller/config_changes.h"
#include "broker/controller/controller.h"
#include "broker/controller/zk_config_admin.h"
#include "broker/controller/zk_isr_store.h"
#include "broker/controller/zk_topic_admin.h"
#include "broker/groups/group_coordinator.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/net/peer_connection.h"
#include "broker/partitions/cold_reads.h"
#include "broker/partitions/fetch_session.h"
#include "broker/partitions/offsets_log.h"
#include "broker/partitions/partition_manager.h"
#include "broker/partitions/replica_manager.h"
#include "broker/program/kafka_port.h"
#include "broker/program/leadership_fence.h"
#include "broker/program/loop_watch.h"
#include "coordination/client.h"
#include "storage/io/file_system.h"
#include "storage/log/log_manager.h"

namespace ottla {

class Broker : private ControllerActions, private ClusterControl {
 public:
  // `loops` and `files` outlive the broker. `fatal` is called when the broker can not go
  // on: the program should stop it.
  Broker(net::Loops& loops, storage::FileSystem& files, config::BrokerConfig config,
         std::unique_ptr<coordination::Client> client, RandomBytes random, std::function<void(Status)> fatal);
  ~Broker() override;

  // Coordination is another process, which may give this broker's partitions to others while it stands still.
  // REQUIRES: start() comes later.
  void fence_leadership() { fenced_ = true; }
  // `done` is called once.
  void start(std::function<void(Status)> done);
  // May be called while start() is under way.
  void stop(std::function<void()> done);

  // Where clients may connect, "127.0.0.1:9092,..."
  std::string addresses() const;

 private:
  Task<void> run_start(std::function<void(Status)> done);
  Task<Status> start_steps();
  Status open_listeners();
  Status open_log_directories();
  void on_directory_failed(const std::string& directory, const Status& why);
  void make_parts();
  Task<Status> connect();
  Task<Status> join_cluster_identity();
  Task<Status> load_settings();
  Task<Status> load_logs();
  Task<Status> join_cluster();
  Task<void> rejoin();
  Task<void> run_stop(std::function<void()> done);
  BrokerNode own_node() const;
  void on_session_event(coordination::SessionEvent event);
  void on_settings_changed(const std::string& type, const std::string& name,
                           const std::map<std::string, std::string>& overrides);
  void on_topics_changed();
  void apply_topic_config(const std::string& topic);

  // ControllerActions
  void set_topic_overrides(const std::string& topic, std::map<std::string, std::string> overrides) override;
  ErrorCode apply(const PartitionChange& change) override;
  void drop_topic(const std::string& topic) override;
  void brokers_changed() override;
  bool unclean_election(const std::string& topic) override;

  // ClusterControl (broker_cluster.cc)
  void take_word_of(int32_t controller, int32_t controller_epoch, int64_t broker_epoch,
                    std::function<void(ErrorCode)> done) override;
  void leader_and_isr(std::vector<PartitionChange> changes, std::map<int32_t, Endpoint> live_leaders,
                      std::function<void(const std::vector<ErrorCode>&)> done) override;
  ErrorCode stop_replica(const std::string& topic, int32_t index, int32_t leader_epoch,
                         bool delete_log) override;
  void update_metadata(const std::vector<PartitionChange>& changes,
                       std::map<int32_t, BrokerNode> brokers) override;
  void alter_partitions(int32_t broker, int64_t broker_epoch, std::vector<PartitionChange> changes,
                        AlteredDone done) override;
  void elect_leaders(std::optional<std::vector<znodes::TopicPartition>> partitions, bool unclean,
                     ElectedDone done) override;
  void controlled_shutdown(int32_t broker, int64_t broker_epoch, ShutdownDone done) override;

  Task<void> run_leader_and_isr(std::vector<PartitionChange> changes,
                                std::map<int32_t, Endpoint> live_leaders,
                                std::function<void(const std::vector<ErrorCode>&)> done);
  Task<void> verify_controller(int32_t controller, int32_t controller_epoch,
                               std::function<void(ErrorCode)> done);
  std::map<int32_t, Endpoint> peer_endpoints() const;
  // Gives what this broker leads to others, as far as there are any.
  Task<void> hand_over();
  Task<bool> ask_for_shutdown();

  net::Loops& loops_;
  net::FlushList& flush_list_;  // of the first loop
  EventLoop& loop_;
  storage::FileSystem& files_;
  RandomBytes random_;
  std::function<void(Status)> fatal_;
  config::ConfigStore configs_;
  std::unique_ptr<coordination::Client> client_;
  MetadataCache metadata_;
  std::unique_ptr<storage::LogManager> logs_;
  net::PeerConnections peers_;
  std::unique_ptr<ZkIsrStore> isr_store_;
  std::unique_ptr<PartitionManager> partitions_;
  std::unique_ptr<ReplicaManager> replicas_;
  std::unique_ptr<ColdReads> cold_reads_;
  std::unique_ptr<PartitionOffsetsLog> offsets_log_;
  std::unique_ptr<groups::GroupCoordinator> groups_;
  std::unique_ptr<FetchSessionCache> fetch_sessions_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<ZkTopicAdmin> topics_;
  std::unique_ptr<ConfigChanges> config_changes_;
  std::unique_ptr<ZkConfigAdmin> config_admin_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<LeadershipFence> fence_;  // nothing where nobody else can lead
  std::unique_ptr<LoopWatch> watch_;
  struct BoundListener {
    config::Endpoint endpoint;
    std::unique_ptr<net::Listener> listener;  // until it is a KafkaPort
    int port = 0;
  };
  std::vector<BoundListener> bound_;
  std::vector<std::unique_ptr<KafkaPort>> ports_;
  std::function<void(bool connected)> session_opened_;
  std::unique_ptr<Timer> connect_timer_;
  bool fenced_ = false;
  std::optional<std::pair<int32_t, int32_t>> known_controller_;  // another broker, and its epoch of office
  bool joined_ = false;
  bool rejoining_ = false;
  bool rejoin_again_ = false;  // a session or connection came while rejoining_
  bool stopping_ = false;
};

}  // namespace ottla

// SPDX-License-Identifier: Apache-2.0
// The controller: one broker of a cluster decides where partitions live (kafka.controller.KafkaController).
// It is elected through the ephemeral /controller, learns of wishes from watches on the znodes that the tools
// write, and answers them by writing partition states and opening partitions.
//
// The flow, with happy path first:
//   elect: create /controller and raise /controller_epoch in one multi; load every topic; open what this
//   broker leads. create: /brokers/topics changes -> read the new topic -> give it an id -> write
//   .../partitions/<n>/state -> open -> publish. grow: the topic's data changes -> the same for the new
//   partitions. delete: /admin/delete_topics changes -> close and rename the logs -> remove the znodes, the
//   wish last.
// Every write is a multi that checks /controller_epoch, so that a controller that lost its session changes
// nothing (D2). A step that fails because the session is gone ends its flow; the next session starts with
// elect, which does all of it again.
//
// Scope: partitions are led by the broker that holds them, one replica each; following is not offered yet.
//
// Threads: the loop's. Events are handled one at a time (FlowQueue).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "broker/controller/bootstrap.h"
#include "broker/controller/flow_queue.h"
#include "broker/controller/znodes.h"
#include "broker/metadata/metadata_cache.h"
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
  // Opens (or keeps open) a partition that this broker leads. `failed` partitions stay without a leader.
  // `is_new`: it was created by this controller, nobody can have written to it before.
  virtual Status lead_partition(const std::string& topic, const Uuid& topic_id, int32_t partition,
                                int32_t leader_epoch, bool is_new) = 0;
  // The topic is gone from the metadata: its logs, its groups' offsets.
  virtual void drop_topic(const std::string& topic) = 0;
};

class Controller {
 public:
  struct Settings {
    int32_t broker_id = 0;
    bool delete_topic_enable = true;
  };

  // All references outlive the controller. `random` is for topic ids.
  Controller(Settings settings, EventLoop& loop, coordination::Client& client, MetadataCache& metadata,
             ControllerActions& actions, RandomBytes random);

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

  // Called whenever the metadata of topics changed.
  void set_listener(std::function<void()> changed) { changed_ = std::move(changed); }

 private:
  struct TopicEntry {
    znodes::TopicAssignment assignment;
    std::map<int32_t, znodes::PartitionStateNode> states;
    std::set<int32_t> created;  // the partitions whose states this controller made
  };

  Task<void> run_election(std::function<void(Status)> done);
  Task<Status> elect();
  Task<Status> take_office(int32_t old_epoch, int32_t epoch_version);
  Task<Status> load_cluster();
  Task<Status> load_brokers();
  void check_topics();
  Task<void> read_topics();
  Task<void> read_new_topic(std::string name);
  Task<void> read_topic(std::string name);
  Task<void> update_topics(std::vector<std::string> names);
  Task<bool> give_topic_ids(std::vector<std::string> names);
  Task<void> load_states(std::string name);
  Task<void> elect_leaders(std::string name);
  Task<bool> create_states(std::string name);
  Task<void> read_deletions();
  Task<void> delete_topic(std::string name);
  void publish(const std::string& name);
  bool leader_alive(int32_t broker) const { return metadata_.brokers.contains(broker); }

  Settings settings_;
  EventLoop& loop_;
  coordination::Client& client_;
  MetadataCache& metadata_;
  ControllerActions& actions_;
  RandomBytes random_;
  FlowQueue queue_;
  std::function<void()> changed_ = [] {};
  std::map<std::string, TopicEntry> topics_;
  std::set<std::string> watched_topics_;  // those whose data watch is armed
  bool active_ = false;
  bool topics_check_waits_ = false;
  std::unique_ptr<Timer> topics_check_timer_;
  bool deletions_check_waits_ = false;
  int32_t epoch_ = 0;
  int32_t epoch_version_ = 0;  // the data version of /controller_epoch that our multis check
};

}  // namespace ottla

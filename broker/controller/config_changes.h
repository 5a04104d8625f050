// SPDX-License-Identifier: Apache-2.0
// Changes of settings while the program runs: tools write /config/<type>/<name> and then announce it with a
// sequential node below /config/changes (kafka.common.ZkNodeChangeNotificationListener,
// DynamicConfigManager). Announcements are looked at in order, once; those older than 15 minutes are removed,
// as Kafka does.
//
// Threads: the loop's.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "broker/controller/flow_queue.h"
#include "coordination/client.h"
#include "protocol/base/event_loop.h"
#include "protocol/base/task.h"

namespace ottla {

class ConfigChanges {
 public:
  using Overrides = std::map<std::string, std::string>;
  // `type` is "topics" or "brokers" ("users", "clients" and "ips" are not asked for), `name` e.g. "topic1" or
  // "<default>".
  using Changed = std::function<void(const std::string& type, const std::string& name, Overrides overrides)>;

  ConfigChanges(EventLoop& loop, coordination::Client& client, Changed changed)
      : loop_(loop), client_(client), changed_(std::move(changed)) {}

  // Arms the watch; announcements that stand there already are taken as seen, since the caller reads the
  // settings themselves.
  Task<Status> start();
  void on_watch_event(const coordination::WatchEvent& event);

  // All overrides below /config/<type>, by name.
  static Task<Result<std::map<std::string, Overrides>>> load_all(coordination::Client& client,
                                                                 std::string type);

 private:
  Task<void> read_changes();
  Task<void> handle(std::string change_path);

  EventLoop& loop_;
  coordination::Client& client_;
  Changed changed_;
  FlowQueue queue_;
  std::string last_seen_;
};

}  // namespace ottla

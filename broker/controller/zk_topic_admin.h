// SPDX-License-Identifier: Apache-2.0
// TopicAdmin over the znodes: writes the wishes that the controller's watches act on
// (kafka.server.ZkAdminManager, kafka.zk.AdminZkClient), and waits until the metadata shows the result.
//
// Threads: the loop's.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/controller/bootstrap.h"
#include "broker/controller/controller.h"
#include "broker/controller/topic_admin.h"
#include "broker/controller/topic_texts.h"
#include "broker/metadata/metadata_cache.h"
#include "coordination/client.h"
#include "protocol/base/event_loop.h"

namespace ottla {

class ZkTopicAdmin : public TopicAdmin {
 public:
  struct Settings {
    int32_t broker_id = 0;
    int32_t num_partitions = 1;
    int16_t default_replication_factor = 1;
    int32_t offsets_partitions = 50;
    int16_t offsets_replication_factor = 3;
    int32_t offsets_segment_bytes = 104857600;
    bool delete_topic_enable = true;
    // Mistakes are worded as Kafka 4.x does, else as 2.8.
    bool texts_of_4 = false;
  };
  // What is wrong with the configuration of a topic; ok where nothing is.
  using ValidateConfig = std::function<Status(const std::map<std::string, std::string>&)>;

  // All references outlive this.
  ZkTopicAdmin(Settings settings, EventLoop& loop, coordination::Client& client, MetadataCache& metadata,
               Controller& controller, RandomBytes random, ValidateConfig validate_config);

  void create_topic(CreateTopicSpec spec, int32_t timeout_ms, bool validate_only, Done done) override;
  void delete_topic(std::string name, int32_t timeout_ms, Done done) override;
  void create_partitions(std::string name, int32_t count, std::vector<std::vector<int32_t>> assignments,
                         int32_t timeout_ms, bool validate_only, Done done) override;
  void auto_create(const std::string& name, Done done) override;
  void next_producer_id(std::function<void(ErrorCode, int64_t)> done) override;

  // To be called when the metadata of topics changed.
  void on_metadata_changed();
  // Draws the first block of producer ids, as Kafka does when it starts; nobody waits for it.
  void draw_producer_ids();

 private:
  struct Wait {
    std::function<bool()> finished;
    std::function<void(bool in_time)> done;
    std::unique_ptr<Timer> timer;
  };

  bool refuse_as_no_controller(const Done& done) const;
  // The replicas of each partition, or what Kafka says is wrong with the request.
  Result<std::map<int32_t, std::vector<int32_t>>> assign(const CreateTopicSpec& spec);
  std::vector<std::vector<int32_t>> spread(int32_t first_partition, int32_t count,
                                           int16_t replication_factor);
  Status check_new_topic(const CreateTopicSpec& spec);
  Task<void> run_create(CreateTopicSpec spec, int32_t timeout_ms, bool validate_only, Done done);
  Task<void> run_delete(std::string name, int32_t timeout_ms, Done done);
  Task<void> run_create_partitions(std::string name, znodes::TopicAssignment grown, int32_t timeout_ms,
                                   Done done);
  Task<Status> claim_producer_ids();
  void start_create(CreateTopicSpec spec, int32_t timeout_ms, bool validate_only, Done done);
  // `done`, told of what was done only when it is safe from a power cut.
  Done once_durable(Done done);
  void wait_until(std::function<bool()> finished, int32_t timeout_ms, std::function<void(bool)> done);
  bool serves(const std::string& name, size_t partitions) const;

  Settings settings_;
  TopicTexts texts_;
  EventLoop& loop_;
  coordination::Client& client_;
  MetadataCache& metadata_;
  Controller& controller_;
  RandomBytes random_;
  ValidateConfig validate_config_;
  std::list<Wait> waits_;
  std::map<std::string, std::vector<Done>> auto_creations_;
  znodes::ProducerIdBlock block_;
  int64_t next_producer_id_ = 0;
  bool claiming_ = false;
  std::vector<std::function<void(ErrorCode, int64_t)>> id_requests_;
};

}  // namespace ottla

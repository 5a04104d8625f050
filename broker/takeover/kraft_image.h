// SPDX-License-Identifier: Apache-2.0
// What a KRaft cluster knew, replayed from the records of its metadata log (KIP-631, KIP-868; kafka
// MetadataDelta). Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/base/uuid.h"
#include "protocol/wire/reader.h"

namespace ottla::takeover {

class KraftImage {
 public:
  struct Partition {
    std::vector<int32_t> replicas;
    std::vector<int32_t> isr;
    int32_t leader = -1;
    int32_t leader_epoch = 0;
  };
  struct Topic {
    Uuid id;
    std::map<int32_t, Partition> partitions;
  };
  using Settings = std::map<std::string, std::string>;
  // ConfigResource.Type
  static constexpr int8_t kTopicResource = 2;
  static constexpr int8_t kBrokerResource = 4;

  // One record as it stands in the log: frame version, type and version as varints, then the message. Records
  // of a metadata transaction count when it ends. INVALID_RECORD where it can not be read: a newer release
  // wrote it, or it is damaged.
  Status replay(Bytes record);

  const std::map<std::string, Topic>& topics() const { return topics_; }
  // By type and name; the name of all brokers' defaults is empty.
  const std::map<std::pair<int8_t, std::string>, Settings>& settings() const { return settings_; }
  int64_t next_producer_id() const { return next_producer_id_; }
  // The brokers that hold replicas.
  std::set<int32_t> brokers() const;
  // What has no place here, a line each: "2 ACLs".
  std::vector<std::string> not_taken_over() const;

 private:
  Status apply(Bytes record);
  template <typename Message>
  Status take(Reader& reader, int16_t version, void (KraftImage::*apply)(const Message&));
  Status apply_known(Reader& reader, int16_t type, int16_t version);
  Topic* topic_of(const Uuid& id);

  // One per type that counts.
  template <typename Message>
  void on(const Message& message);

  std::map<std::string, Topic> topics_;
  std::map<Uuid, std::string> names_;
  std::map<std::pair<int8_t, std::string>, Settings> settings_;
  int64_t next_producer_id_ = 0;
  std::map<std::string, int16_t> features_;
  std::map<std::string, std::set<std::string>> left_out_;  // by kind
  bool in_transaction_ = false;
  std::vector<std::vector<uint8_t>> pending_;
};

}  // namespace ottla::takeover

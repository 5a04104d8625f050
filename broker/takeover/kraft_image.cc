// SPDX-License-Identifier: Apache-2.0
#include "broker/takeover/kraft_image.h"

#include <fmt/format.h>

#include <type_traits>
#include <utility>

#include "protocol/generated/abort_transaction_record.h"
#include "protocol/generated/access_control_entry_record.h"
#include "protocol/generated/begin_transaction_record.h"
#include "protocol/generated/client_quota_record.h"
#include "protocol/generated/config_record.h"
#include "protocol/generated/delegation_token_record.h"
#include "protocol/generated/end_transaction_record.h"
#include "protocol/generated/feature_level_record.h"
#include "protocol/generated/partition_change_record.h"
#include "protocol/generated/partition_record.h"
#include "protocol/generated/producer_ids_record.h"
#include "protocol/generated/remove_access_control_entry_record.h"
#include "protocol/generated/remove_delegation_token_record.h"
#include "protocol/generated/remove_topic_record.h"
#include "protocol/generated/remove_user_scram_credential_record.h"
#include "protocol/generated/topic_record.h"
#include "protocol/generated/user_scram_credential_record.h"

namespace ottla::takeover {

using namespace protocol;  // the records, by their names

namespace {

constexpr uint32_t kFrameVersion = 1;
constexpr int32_t kLeaderUnchanged = -2;
constexpr const char* kAcls = "ACLs";
constexpr const char* kCredentials = "SCRAM credentials";
constexpr const char* kQuotas = "quotas";
constexpr const char* kTokens = "delegation tokens";

struct Header {
  uint32_t frame = 0;
  int16_t type = 0;
  int16_t version = 0;
};

Header read_header(Reader& reader) {
  Header header;
  header.frame = reader.unsigned_varint();
  header.type = static_cast<int16_t>(reader.unsigned_varint());
  header.version = static_cast<int16_t>(reader.unsigned_varint());
  return header;
}

std::string credential(std::string_view user, int8_t mechanism) {
  return fmt::format("{}/{}", user, mechanism);
}

}  // namespace

Status KraftImage::replay(Bytes record) {
  Reader reader(record);
  const Header header = read_header(reader);
  if (!reader.ok() || header.frame != kFrameVersion)
    return {ErrorCode::INVALID_RECORD, "a metadata record has no frame that is known"};
  switch (header.type) {
    case BeginTransactionRecord::kApiKey:
      in_transaction_ = true;
      pending_.clear();
      return {};
    case AbortTransactionRecord::kApiKey:
      in_transaction_ = false;
      pending_.clear();
      return {};
    case EndTransactionRecord::kApiKey: {
      in_transaction_ = false;
      const auto records = std::exchange(pending_, {});
      for (const auto& one : records) {
        const Status applied = apply(one);
        if (!applied.ok()) return applied;
      }
      return {};
    }
    default:
      break;
  }
  if (!in_transaction_) return apply(record);
  pending_.emplace_back(record.begin(), record.end());
  return {};
}

template <typename Message>
Status KraftImage::take(Reader& reader, int16_t version, void (KraftImage::*apply)(const Message&)) {
  if (version > Message::kHighestVersion) {
    return {
        ErrorCode::INVALID_RECORD,
        fmt::format("metadata record {} has version {}, known is up to {}: it was written by a newer release",
                    Message::kApiKey, version, Message::kHighestVersion)};
  }
  Message message;
  message.decode(reader, version);
  if (!reader.ok())
    return {ErrorCode::INVALID_RECORD,
            fmt::format("metadata record {} version {}: {}", Message::kApiKey, version, reader.error())};
  (this->*apply)(message);
  return {};
}

template <>
void KraftImage::on(const TopicRecord& record) {
  Topic& topic = topics_[std::string(record.name)];
  topic = Topic{record.topic_id, {}};
  names_[record.topic_id] = record.name;
}

template <>
void KraftImage::on(const RemoveTopicRecord& record) {
  const auto found = names_.find(record.topic_id);
  if (found == names_.end()) return;
  topics_.erase(found->second);
  settings_.erase({kTopicResource, found->second});
  names_.erase(found);
}

template <>
void KraftImage::on(const PartitionRecord& record) {
  Topic* topic = topic_of(record.topic_id);
  if (topic == nullptr) return;
  topic->partitions[record.partition_id] = {record.replicas, record.isr, record.leader, record.leader_epoch};
}

// A new leader, even the same one, begins an epoch.
template <>
void KraftImage::on(const PartitionChangeRecord& record) {
  Topic* topic = topic_of(record.topic_id);
  if (topic == nullptr) return;
  const auto found = topic->partitions.find(record.partition_id);
  if (found == topic->partitions.end()) return;
  Partition& partition = found->second;
  if (record.isr) partition.isr = *record.isr;
  if (record.replicas) partition.replicas = *record.replicas;
  if (record.leader == kLeaderUnchanged) return;
  partition.leader = record.leader;
  ++partition.leader_epoch;
}

template <>
void KraftImage::on(const ConfigRecord& record) {
  const std::pair<int8_t, std::string> resource(record.resource_type, std::string(record.resource_name));
  if (record.value) {
    settings_[resource][std::string(record.name)] = *record.value;
    return;
  }
  const auto found = settings_.find(resource);
  if (found == settings_.end()) return;
  found->second.erase(std::string(record.name));
  if (found->second.empty()) settings_.erase(found);
}

template <>
void KraftImage::on(const ProducerIdsRecord& record) {
  next_producer_id_ = record.next_producer_id;
}

template <>
void KraftImage::on(const FeatureLevelRecord& record) {
  features_[std::string(record.name)] = record.feature_level;
}

template <>
void KraftImage::on(const AccessControlEntryRecord& record) {
  left_out_[kAcls].insert(record.id.to_string());
}

template <>
void KraftImage::on(const RemoveAccessControlEntryRecord& record) {
  left_out_[kAcls].erase(record.id.to_string());
}

template <>
void KraftImage::on(const UserScramCredentialRecord& record) {
  left_out_[kCredentials].insert(credential(record.name, record.mechanism));
}

template <>
void KraftImage::on(const RemoveUserScramCredentialRecord& record) {
  left_out_[kCredentials].erase(credential(record.name, record.mechanism));
}

template <>
void KraftImage::on(const ClientQuotaRecord& record) {
  std::string entity;
  for (const auto& part : record.entity)
    entity += fmt::format("{}={};", part.entity_type, part.entity_name.value_or("<default>"));
  entity += record.key;
  if (record.remove) {
    left_out_[kQuotas].erase(entity);
  } else {
    left_out_[kQuotas].insert(entity);
  }
}

template <>
void KraftImage::on(const DelegationTokenRecord& record) {
  left_out_[kTokens].insert(std::string(record.token_id));
}

template <>
void KraftImage::on(const RemoveDelegationTokenRecord& record) {
  left_out_[kTokens].erase(std::string(record.token_id));
}

Status KraftImage::apply(Bytes record) {
  Reader reader(record);
  const Header header = read_header(reader);
  return apply_known(reader, header.type, header.version);
}

// What is not here tells of brokers and controllers that live, and of nothing that lasts.
Status KraftImage::apply_known(Reader& reader, int16_t type, int16_t version) {
  const auto as = [&]<typename Message>(std::type_identity<Message>) {
    return take<Message>(reader, version, &KraftImage::on<Message>);
  };
  switch (type) {
    case TopicRecord::kApiKey:
      return as(std::type_identity<TopicRecord>());
    case PartitionRecord::kApiKey:
      return as(std::type_identity<PartitionRecord>());
    case ConfigRecord::kApiKey:
      return as(std::type_identity<ConfigRecord>());
    case PartitionChangeRecord::kApiKey:
      return as(std::type_identity<PartitionChangeRecord>());
    case RemoveTopicRecord::kApiKey:
      return as(std::type_identity<RemoveTopicRecord>());
    case FeatureLevelRecord::kApiKey:
      return as(std::type_identity<FeatureLevelRecord>());
    case ProducerIdsRecord::kApiKey:
      return as(std::type_identity<ProducerIdsRecord>());
    case AccessControlEntryRecord::kApiKey:
      return as(std::type_identity<AccessControlEntryRecord>());
    case RemoveAccessControlEntryRecord::kApiKey:
      return as(std::type_identity<RemoveAccessControlEntryRecord>());
    case UserScramCredentialRecord::kApiKey:
      return as(std::type_identity<UserScramCredentialRecord>());
    case RemoveUserScramCredentialRecord::kApiKey:
      return as(std::type_identity<RemoveUserScramCredentialRecord>());
    case ClientQuotaRecord::kApiKey:
      return as(std::type_identity<ClientQuotaRecord>());
    case DelegationTokenRecord::kApiKey:
      return as(std::type_identity<DelegationTokenRecord>());
    case RemoveDelegationTokenRecord::kApiKey:
      return as(std::type_identity<RemoveDelegationTokenRecord>());
    default:
      return {};
  }
}

KraftImage::Topic* KraftImage::topic_of(const Uuid& id) {
  const auto name = names_.find(id);
  if (name == names_.end()) return nullptr;
  const auto topic = topics_.find(name->second);
  return topic == topics_.end() ? nullptr : &topic->second;
}

std::set<int32_t> KraftImage::brokers() const {
  std::set<int32_t> ids;
  for (const auto& [name, topic] : topics_) {
    for (const auto& [index, partition] : topic.partitions)
      ids.insert(partition.replicas.begin(), partition.replicas.end());
  }
  return ids;
}

std::vector<std::string> KraftImage::not_taken_over() const {
  std::vector<std::string> lines;
  for (const auto& [kind, entries] : left_out_) {
    if (!entries.empty()) lines.push_back(fmt::format("{} {}", entries.size(), kind));
  }
  for (const auto& [resource, values] : settings_) {
    if (resource.first != kTopicResource && resource.first != kBrokerResource)
      lines.push_back(fmt::format("{} settings of resource {} (type {})", values.size(), resource.second,
                                  resource.first));
  }
  for (const auto& [name, level] : features_) lines.push_back(fmt::format("feature {}={}", name, level));
  return lines;
}

}  // namespace ottla::takeover

// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/znodes.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace ottla::znodes {
namespace {

using Json = nlohmann::ordered_json;

// Runs `read` on the parsed document; anything missing or of another type is a Status, never an exception.
template <typename T, typename Read>
Result<T> parse(std::string_view json, const char* what, Read read) {
  try {
    return read(Json::parse(json));
  } catch (const nlohmann::json::exception& error) {
    return Status(ErrorCode::UNKNOWN_SERVER_ERROR,
                  std::string("unreadable ") + what + " znode: " + error.what());
  }
}

int64_t number(const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    int64_t parsed = 0;
    std::from_chars(text.data(), text.data() + text.size(), parsed);
    return parsed;
  }
  return value.get<int64_t>();
}

}  // namespace

std::string broker_path(int32_t id) { return std::string(kBrokerIds) + "/" + std::to_string(id); }
std::string topic_path(std::string_view topic) { return std::string(kTopics) + "/" + std::string(topic); }
std::string partitions_path(std::string_view topic) { return topic_path(topic) + "/partitions"; }
std::string partition_path(std::string_view topic, int32_t partition) {
  return partitions_path(topic) + "/" + std::to_string(partition);
}
std::string partition_state_path(std::string_view topic, int32_t partition) {
  return partition_path(topic, partition) + "/state";
}
std::string delete_topic_path(std::string_view topic) {
  return std::string(kDeleteTopics) + "/" + std::string(topic);
}
std::string topic_config_path(std::string_view topic) { return "/config/topics/" + std::string(topic); }
std::string broker_config_path(std::string_view id) { return "/config/brokers/" + std::string(id); }

coordination::AclList secure_acl(std::string_view path) {
  if (path == "/consumers") return coordination::open_acl();
  coordination::AclList acl{{coordination::perms::kAll, "auth", ""}};
  constexpr std::string_view kSecret[] = {"/config/users", "/config/brokers", "/delegation_token/tokens"};
  if (std::ranges::none_of(kSecret, [&](std::string_view secret) { return path.starts_with(secret); }))
    acl.push_back({coordination::perms::kRead, "world", "anyone"});
  return acl;
}

const std::vector<std::string>& startup_paths() {
  static const std::vector<std::string> paths = {"/consumers",
                                                 "/brokers",
                                                 "/brokers/ids",
                                                 "/brokers/topics",
                                                 "/config",
                                                 "/config/changes",
                                                 "/admin",
                                                 "/admin/delete_topics",
                                                 "/brokers/seqid",
                                                 "/isr_change_notification",
                                                 "/latest_producer_id_block",
                                                 "/log_dir_event_notification",
                                                 "/config/topics",
                                                 "/config/clients",
                                                 "/config/users",
                                                 "/config/brokers",
                                                 "/config/ips"};
  return paths;
}

std::string encode_broker(const BrokerNode& node, int64_t timestamp_ms) {
  Json json;
  json["features"] = Json::object();
  Json protocols = Json::object();
  Json endpoints = Json::array();
  for (const Endpoint& endpoint : node.endpoints) {
    protocols[endpoint.listener] = endpoint.security_protocol;
    const bool ipv6 = endpoint.host.find(':') != std::string::npos;
    endpoints.push_back(endpoint.listener + "://" + (ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" +
                        std::to_string(endpoint.port));
  }
  json["listener_security_protocol_map"] = protocols;
  json["endpoints"] = endpoints;
  if (node.rack) json["rack"] = *node.rack;
  json["jmx_port"] = -1;
  // The first plaintext endpoint, for clients older than listeners.
  const Endpoint* plaintext = nullptr;
  for (const Endpoint& endpoint : node.endpoints) {
    if (plaintext == nullptr && endpoint.security_protocol == "PLAINTEXT") plaintext = &endpoint;
  }
  json["port"] = plaintext != nullptr ? plaintext->port : -1;
  if (plaintext != nullptr)
    json["host"] = plaintext->host;
  else
    json["host"] = nullptr;
  json["version"] = 5;
  json["timestamp"] = std::to_string(timestamp_ms);
  return json.dump();
}

Result<BrokerNode> decode_broker(int32_t id, std::string_view text) {
  return parse<BrokerNode>(text, "broker", [id](const Json& json) -> BrokerNode {
    BrokerNode node;
    node.id = id;
    if (json.contains("rack") && json["rack"].is_string()) node.rack = json["rack"].get<std::string>();
    for (const Json& item : json.value("endpoints", Json::array())) {
      const auto uri = item.get<std::string>();
      const size_t scheme = uri.find("://");
      const size_t colon = uri.rfind(':');
      if (scheme == std::string::npos || colon == std::string::npos || colon < scheme + 3) continue;
      Endpoint endpoint;
      endpoint.listener = uri.substr(0, scheme);
      endpoint.host = uri.substr(scheme + 3, colon - scheme - 3);
      if (endpoint.host.starts_with("[")) endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
      std::from_chars(uri.data() + colon + 1, uri.data() + uri.size(), endpoint.port);
      endpoint.security_protocol = endpoint.listener;
      if (json.contains("listener_security_protocol_map")) {
        endpoint.security_protocol =
            json["listener_security_protocol_map"].value(endpoint.listener, endpoint.listener);
      }
      node.endpoints.push_back(std::move(endpoint));
    }
    return node;
  });
}

std::string encode_cluster_id(const std::string& id) { return Json{{"version", "1"}, {"id", id}}.dump(); }

Result<std::string> decode_cluster_id(std::string_view text) {
  return parse<std::string>(text, "/cluster/id",
                            [](const Json& json) { return json.at("id").get<std::string>(); });
}

std::string encode_controller(int32_t broker_id, int64_t timestamp_ms) {
  return Json{{"version", 1}, {"brokerid", broker_id}, {"timestamp", std::to_string(timestamp_ms)}}.dump();
}

Result<int32_t> decode_controller(std::string_view text) {
  return parse<int32_t>(text, "/controller",
                        [](const Json& json) { return json.at("brokerid").get<int32_t>(); });
}

std::string encode_topic(const TopicAssignment& assignment) {
  Json partitions = Json::object();
  for (const auto& [partition, replicas] : assignment.replicas)
    partitions[std::to_string(partition)] = replicas;
  Json json;
  json["partitions"] = partitions;
  json["topic_id"] = assignment.topic_id.to_string();
  json["adding_replicas"] = Json::object();
  json["removing_replicas"] = Json::object();
  json["version"] = 3;
  return json.dump();
}

Result<TopicAssignment> decode_topic(std::string_view text) {
  return parse<TopicAssignment>(text, "topic", [](const Json& json) -> TopicAssignment {
    TopicAssignment assignment;
    if (json.contains("topic_id") && json["topic_id"].is_string()) {
      assignment.topic_id = Uuid::parse(json["topic_id"].get<std::string>()).value_or(Uuid());
    }
    for (const auto& [partition, replicas] : json.at("partitions").items()) {
      assignment.replicas[static_cast<int32_t>(number(Json(partition)))] =
          replicas.get<std::vector<int32_t>>();
    }
    return assignment;
  });
}

std::string encode_partition_state(const PartitionStateNode& state) {
  return Json{{"controller_epoch", state.controller_epoch},
              {"leader", state.leader},
              {"version", 1},
              {"leader_epoch", state.leader_epoch},
              {"isr", state.isr}}
      .dump();
}

Result<PartitionStateNode> decode_partition_state(std::string_view text) {
  return parse<PartitionStateNode>(text, "partition state", [](const Json& json) -> PartitionStateNode {
    return {json.at("controller_epoch").get<int32_t>(), json.at("leader").get<int32_t>(),
            json.at("leader_epoch").get<int32_t>(), json.at("isr").get<std::vector<int32_t>>(), 0};
  });
}

std::string encode_isr_change(const std::vector<TopicPartition>& partitions) {
  Json list = Json::array();
  for (const auto& [topic, partition] : partitions)
    list.push_back(Json{{"topic", topic}, {"partition", partition}});
  return Json{{"version", 1}, {"partitions", list}}.dump();
}

Result<std::vector<TopicPartition>> decode_isr_change(std::string_view text) {
  return parse<std::vector<TopicPartition>>(text, "ISR change", [](const Json& json) {
    std::vector<TopicPartition> partitions;
    for (const Json& one : json.at("partitions"))
      partitions.emplace_back(one.at("topic").get<std::string>(), one.at("partition").get<int32_t>());
    return partitions;
  });
}

std::string encode_feature() {
  return Json{{"features", Json::object()}, {"version", 1}, {"status", 1}}.dump();
}

std::string encode_config(const std::map<std::string, std::string>& config) {
  Json values = Json::object();
  for (const auto& [key, value] : config) values[key] = value;
  return Json{{"version", 1}, {"config", values}}.dump();
}

Result<std::map<std::string, std::string>> decode_config(std::string_view text) {
  return parse<std::map<std::string, std::string>>(text, "config", [](const Json& json) {
    std::map<std::string, std::string> config;
    if (!json.contains("config")) return config;
    for (const auto& [key, value] : json["config"].items()) {
      config[key] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    return config;
  });
}

std::string encode_config_change(const std::string& entity_path) {
  return Json{{"version", 2}, {"entity_path", entity_path}}.dump();
}

Result<std::string> decode_config_change(std::string_view text) {
  return parse<std::string>(text, "config change", [](const Json& json) {
    if (json.contains("entity_path")) return json["entity_path"].get<std::string>();
    return json.at("entity_type").get<std::string>() + "/" + json.at("entity_name").get<std::string>();
  });
}

std::string encode_producer_id_block(const ProducerIdBlock& block) {
  return Json{{"version", 1},
              {"broker", block.broker},
              {"block_start", std::to_string(block.first)},
              {"block_end", std::to_string(block.last)}}
      .dump();
}

Result<ProducerIdBlock> decode_producer_id_block(std::string_view text) {
  return parse<ProducerIdBlock>(text, "producer id block", [](const Json& json) -> ProducerIdBlock {
    return {json.value("broker", -1), number(json.at("block_start")), number(json.at("block_end"))};
  });
}

}  // namespace ottla::znodes

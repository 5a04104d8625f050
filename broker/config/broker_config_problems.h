// SPDX-License-Identifier: Apache-2.0
// What is found wrong while settings are read; each problem says where its key was written.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/broker_config.h"

namespace ottla::config {

class Problems {
 public:
  // `where` is "server.properties:12", "--override", or empty for a value from elsewhere.
  void note_origin(const std::string& key, std::string where) { origins_[key] = std::move(where); }
  void error(const ConfigMap& values, std::string_view key, std::string_view message);
  void error(std::string message) { errors_.push_back(std::move(message)); }
  void warn(const ConfigMap& values, std::string_view key, std::string_view message);

  bool ok() const { return errors_.empty(); }
  // All errors, one a line.
  Status status() const;
  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  std::string sentence(const ConfigMap& values, std::string_view key, std::string_view message) const;

  std::map<std::string, std::string> origins_;
  std::vector<std::string> errors_;
  std::vector<std::string> warnings_;
};

// Checks every value against the table, then fills `config` from `config.values` and checks what keys demand
// of each other (KafkaConfig.validateValues). `config` is only complete where `problems` stays ok.
void fill_broker_config(BrokerConfig& config, Problems& problems);

}  // namespace ottla::config

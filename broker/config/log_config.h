// SPDX-License-Identifier: Apache-2.0
// A topic's settings, and the cleaner's, in the form that storage acts on.
#pragma once

#include "broker/config/broker_config.h"
#include "broker/config/topic_config.h"
#include "storage/log/log.h"
#include "storage/log/log_cleaner.h"

namespace ottla::config {

storage::LogConfig to_log_config(const TopicConfig& topic, const BrokerConfig& broker);
storage::CleanerSettings to_cleaner_settings(const BrokerConfig& broker);

}  // namespace ottla::config

// SPDX-License-Identifier: Apache-2.0
// A topic's settings in the form that storage acts on.
#pragma once

#include "broker/config/broker_config.h"
#include "broker/config/topic_config.h"
#include "storage/log/log.h"

namespace ottla::config {

storage::LogConfig to_log_config(const TopicConfig& topic, const BrokerConfig& broker);

}  // namespace ottla::config

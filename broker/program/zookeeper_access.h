// SPDX-License-Identifier: Apache-2.0
// How `ottla server` gets to ZooKeeper and who it is there, from zookeeper.* and the JAAS file that
// KAFKA_OPTS names (kafka.server.KafkaServer.initZkClient).
//
//   zookeeper.ssl.client.enable   Apache's C client speaks no TLS as Debian builds it: it is led through a
//                                 tunnel of ours (broker/net/tls_tunnel.h)
//   a keystore                    the identity is x509, by the certificate
//   a JAAS file's Client section  the identity is digest, user and password. Kafka's would be sasl, which the
//                                 C client cannot either: what Kafka made its own with SASL is closed to us
//   zookeeper.set.acl             what is created belongs to that identity
//
// Threads: the loop's.
#pragma once

#include <memory>
#include <string>

#include "broker/config/broker_config.h"
#include "broker/net/tls_tunnel.h"
#include "coordination/client.h"
#include "storage/io/file_system.h"

namespace ottla {

struct ZooKeeperAccess {
  std::unique_ptr<coordination::Client> client;
  std::unique_ptr<net::TlsTunnel> tunnel;  // outlives the client; null without TLS
};

// `kafka_opts`: the environment's KAFKA_OPTS, null where there is none. `flush_list` outlives the result.
// Errors name the key, or the file and line.
Result<ZooKeeperAccess> open_zookeeper_access(const config::BrokerConfig& config, const char* kafka_opts,
                                              net::FlushList& flush_list, storage::FileSystem& files);

// The value of -Djava.security.auth.login.config in options of a JVM; empty: none.
std::string login_config_path(std::string_view kafka_opts);

}  // namespace ottla

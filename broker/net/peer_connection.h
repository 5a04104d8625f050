// SPDX-License-Identifier: Apache-2.0
// Connections to other brokers, in Kafka's framing (org.apache.kafka.clients.NetworkClient, for brokers).
//
// Threads: the loop's; names are resolved on its pool.
#pragma once

#include <memory>
#include <string>

#include "broker/metadata/peers.h"
#include "broker/net/socket.h"

namespace ottla::net {

class PeerConnections : public Peers {
 public:
  // `flush_list` outlives this and what connect() gives out. `client_id` is told in each request.
  PeerConnections(FlushList& flush_list, std::string client_id)
      : flush_list_(flush_list), client_id_(std::move(client_id)) {}

  std::unique_ptr<Peer> connect(const Endpoint& endpoint, int64_t timeout_ms, Broken broken) override;

 private:
  FlushList& flush_list_;
  std::string client_id_;
};

}  // namespace ottla::net

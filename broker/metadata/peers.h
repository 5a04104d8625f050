// SPDX-License-Identifier: Apache-2.0
// How this broker asks others: the controller its brokers, a follower its leader. The body is
// broker/net/peer_connection.h; tests have their own.
//
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "broker/metadata/metadata_cache.h"
#include "protocol/base/status.h"
#include "protocol/generated/api_keys.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla {

// One connection to another broker. Destroying it closes it, and no callback comes after that.
class Peer {
 public:
  // `body` is the response behind its header, valid during the call.
  using Answered = std::function<void(Reader& body)>;
  virtual ~Peer() = default;

  // Requests are answered in the order they are sent. `encode` is called before this returns. A request that
  // is not answered before the connection breaks never is: see Peers::connect.
  virtual void send(protocol::ApiKey key, int16_t version, const std::function<void(Writer&)>& encode,
                    Answered answered) = 0;
};

class Peers {
 public:
  using Broken = std::function<void(const Status&)>;
  virtual ~Peers() = default;

  // Begins to connect; requests may be sent at once. `broken` is called once, in a later turn, when there is
  // no connection, it ended, or an answer took longer than `timeout_ms`. It may destroy the Peer.
  virtual std::unique_ptr<Peer> connect(const Endpoint& endpoint, int64_t timeout_ms, Broken broken) = 0;
};

}  // namespace ottla

// SPDX-License-Identifier: Apache-2.0
// A session with a ZooKeeper server or ensemble through Apache's single-threaded C client (libzookeeper_st),
// driven by the loop: its descriptor is watched, its time-outs are a Timer, its log lines go to ours.
//
// The C client reconnects by itself among the addresses. After kExpired, start() begins a new session.
#pragma once

#include <memory>
#include <string>

#include "coordination/client.h"
#include "protocol/base/event_loop.h"

namespace ottla::coordination {

// `loop` outlives the client. The names in `connect` are resolved (blocking) in start(). `digest`: who every
// session says it is, "user:password" of the scheme digest; empty: nobody.
std::unique_ptr<Client> make_zookeeper_client(EventLoop& loop, ConnectString connect,
                                              int32_t session_timeout_ms, std::string digest = "");

}  // namespace ottla::coordination

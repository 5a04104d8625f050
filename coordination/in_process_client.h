// SPDX-License-Identifier: Apache-2.0
// A session with a server in this program: no socket, the same protocol. Requests of one loop turn reach the
// server in one piece and share one group commit of its log. Their callbacks do not wait for that sync:
// when_durable() tells of it. What the server shows to other clients stays behind the sync.
//
// The session never expires while the client lives. One that a killed process left behind is ended when the
// server loads the directory, so that a restart meets none of its own old ephemerals.
#pragma once

#include <memory>
#include <string>

#include "coordination/client.h"
#include "protocol/base/event_loop.h"

namespace ottla::coordination {

class Server;

// REQUIRES: `loop` and `server` outlive the client. `chroot` "" or "/a/b".
std::unique_ptr<Client> make_in_process_client(EventLoop& loop, Server& server, std::string chroot,
                                               int32_t session_timeout_ms);

}  // namespace ottla::coordination

// SPDX-License-Identifier: Apache-2.0
// The commands of ZooKeeper's admin server (org.apache.zookeeper.server.admin.Commands) as JSON, by
// ZooKeeper's names: GET /commands lists them, GET /commands/stat (or /commands/stats) runs one. An unknown
// command is answered, with status 200 and an "error", as there.
//
// Left out on purpose: initial_configuration, observers, leader and the like of an ensemble answer what a
// standalone server answers; system_properties is empty, there being no JVM.
#pragma once

#include <string>
#include <string_view>

namespace ottla::coordination {

class ServerCore;

struct HttpAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
};

// `target` is what stands in the request line: path and query.
HttpAnswer answer_admin(ServerCore& core, std::string_view target);
// The metrics port: GET /metrics.
HttpAnswer answer_metrics(ServerCore& core, std::string_view target);

}  // namespace ottla::coordination

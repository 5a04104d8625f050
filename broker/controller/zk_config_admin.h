// SPDX-License-Identifier: Apache-2.0
// ConfigAdmin over the znodes: /config/<type>/<name> is written where nobody else has meanwhile, and
// announced below /config/changes, as the tools do it (AdminZkClient.changeEntityConfig).
//
// Threads: the loop's.
#pragma once

#include <functional>
#include <string>

#include "broker/controller/config_admin.h"
#include "broker/controller/flow_queue.h"
#include "coordination/client.h"

namespace ottla {

class ZkConfigAdmin : public ConfigAdmin {
 public:
  // Makes this broker act on new overrides, as ConfigChanges does a little later.
  using Applied =
      std::function<void(const std::string& type, const std::string& name, const Overrides& overrides)>;

  // `client` outlives this.
  ZkConfigAdmin(coordination::Client& client, Applied applied)
      : client_(client), applied_(std::move(applied)) {}

  void alter(std::string type, std::string name, Change change, bool validate_only, Done done) override;

 private:
  struct Wish {
    std::string type;
    std::string name;
    Change change;
    bool validate_only = false;
  };
  Task<Status> run(const Wish& wish);
  Task<coordination::ZkError> write(std::string path, bool there, int32_t version, std::string json);

  coordination::Client& client_;
  Applied applied_;
  FlowQueue queue_;
};

}  // namespace ottla

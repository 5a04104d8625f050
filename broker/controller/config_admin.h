// SPDX-License-Identifier: Apache-2.0
// What the APIs that alter settings ask of the cluster's store of settings (kafka.zk.AdminZkClient).
//
// Threads: the loop's. Arguments are copied; callbacks come in a later or in the same turn.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "protocol/base/status.h"

namespace ottla {

class ConfigAdmin {
 public:
  using Overrides = std::map<std::string, std::string>;
  // What the overrides are to be, given what they are; or why they stay.
  using Change = std::function<Result<Overrides>(Overrides current)>;
  using Done = std::function<void(Status)>;

  virtual ~ConfigAdmin() = default;
  // Changes the overrides of `type` ("topics", "brokers") `name` ("<default>" stands for all brokers). `done`
  // is told when they are safe from a power cut and this broker acts on them; with `validate_only`, whether
  // `change` found them good. Changes are made one after the other; `change` may be asked again where
  // somebody else was faster.
  virtual void alter(std::string type, std::string name, Change change, bool validate_only, Done done) = 0;
};

}  // namespace ottla

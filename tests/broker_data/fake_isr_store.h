// SPDX-License-Identifier: Apache-2.0
// Where in-sync replicas are agreed upon, played by the test: what is asked waits until the test answers.
#pragma once

#include <deque>
#include <utility>

#include "broker/metadata/isr_store.h"

namespace ottla {

class FakeIsrStore : public IsrStore {
 public:
  void write(const PartitionChange& change, std::function<void(const Result&)> done) override {
    asked.emplace_back(change, std::move(done));
  }
  // The oldest wish is granted.
  void grant() {
    const auto [change, done] = std::move(asked.front());
    asked.pop_front();
    done({true, change.state.isr, change.state.zk_version + 1});
  }
  void refuse() {
    const auto [change, done] = std::move(asked.front());
    asked.pop_front();
    done({});
  }

  std::deque<std::pair<PartitionChange, std::function<void(const Result&)>>> asked;
};

}  // namespace ottla

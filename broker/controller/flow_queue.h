// SPDX-License-Identifier: Apache-2.0
// Runs coroutines one after the other, in the order they were added: the controller handles one event at a
// time, like Kafka's ControllerEventManager, so that no flow sees another's half-written state.
//
// Threads: the loop's. After clear() nothing that waits is run; a flow under way ends by itself.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "protocol/base/task.h"

namespace ottla {

class FlowQueue {
 public:
  using Flow = std::function<Task<void>()>;

  void add(Flow flow) {
    state_->waiting.push_back(std::move(flow));
    if (!state_->running) start_detached(run(state_));
  }
  void clear() { state_->waiting.clear(); }
  ~FlowQueue() { clear(); }

 private:
  struct State {
    std::deque<Flow> waiting;
    bool running = false;
  };

  // Holds the state itself: a flow may outlive the queue by its last step.
  static Task<void> run(std::shared_ptr<State> state) {
    state->running = true;
    while (!state->waiting.empty()) {
      const Flow flow = std::move(state->waiting.front());
      state->waiting.pop_front();
      co_await flow();
    }
    state->running = false;
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace ottla

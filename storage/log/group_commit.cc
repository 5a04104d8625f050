// SPDX-License-Identifier: Apache-2.0
#include "storage/log/group_commit.h"

#include <utility>

namespace ottla::storage {

struct GroupCommit::Window {
  std::vector<std::pair<std::shared_ptr<Log>, Log::Commit>> commits;
  Unsynced unsynced;
  Status result;
};

void GroupCommit::add(std::shared_ptr<Log> log) {
  waiting_.push_back(std::move(log));
  if (running_ || stopping_ || std::exchange(scheduled_, true)) return;
  loop_.defer([this, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) begin();
  });
}

void GroupCommit::begin() {
  scheduled_ = false;
  if (stopping_ || waiting_.empty()) return;
  const auto window = std::make_shared<Window>();
  for (auto& log : std::exchange(waiting_, {})) {
    if (log->offline()) continue;
    Log::Commit commit = log->begin_commit();
    window->unsynced.add(std::move(commit.unsynced));
    window->commits.emplace_back(std::move(log), std::move(commit));
  }
  running_ = true;
  loop_.run_in_background([&files = files_, window] { window->result = files.sync_all(window->unsynced); },
                          [this, window, alive = std::weak_ptr(alive_)] {
                            if (alive.lock()) end(*window);
                          });
}

void GroupCommit::end(const Window& window) {
  running_ = false;
  for (const auto& [log, commit] : window.commits) {
    if (window.result.ok() && !log->offline()) {
      log->end_commit(commit);
    } else if (!window.result.ok()) {
      log->report_failure(window.result);
    }
  }
  if (stopping_) {
    if (stopped_) std::exchange(stopped_, nullptr)();
    return;
  }
  begin();
}

void GroupCommit::stop(std::function<void()> done) {
  stopping_ = true;
  if (!running_) return done();
  stopped_ = std::move(done);
}

}  // namespace ottla::storage

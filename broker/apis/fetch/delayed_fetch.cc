// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/fetch/delayed_fetch.h"

#include <algorithm>

#include "broker/apis/fetch/answer.h"
#include "broker/partitions/cold_reads.h"

namespace ottla::fetch {
namespace {

size_t bytes_of_names(std::span<const FetchTarget> targets) {
  size_t bytes = 0;
  std::string_view last;
  for (const FetchTarget& target : targets) {
    if (target.topic != last) bytes += target.topic.size();
    last = target.topic;
  }
  return bytes;
}

}  // namespace

void DelayedFetch::start(Request& request, const Parameters& parameters, FetchContext context,
                         std::span<const FetchTarget> targets, int32_t max_wait_ms) {
  Services& services = request.services;
  const auto fetch = std::make_shared<DelayedFetch>(request, parameters, std::move(context), targets);
  services.partitions.keep(fetch);
  fetch->deadline_ms_ = services.loop.monotonic_ms() + max_wait_ms;
  fetch->watch();
  fetch->arm_timer();
}

void DelayedFetch::start_cold(Request& request, const Parameters& parameters, FetchContext context,
                              std::span<const FetchTarget> targets, int32_t max_wait_ms,
                              std::span<const PartitionRead> reads) {
  Services& services = request.services;
  const auto fetch = std::make_shared<DelayedFetch>(request, parameters, std::move(context), targets);
  services.partitions.keep(fetch);
  fetch->deadline_ms_ = services.loop.monotonic_ms() + max_wait_ms;
  std::vector<FileSlice> slices;
  for (const PartitionRead& read : reads) {
    if (read.cold.length > 0) slices.push_back(read.cold);
  }
  services.cold_reads.bring(std::move(slices), [weak = fetch->weak_from_this()] {
    if (const auto self = weak.lock()) self->on_warm();
  });
}

DelayedFetch::DelayedFetch(Request& request, const Parameters& parameters, FetchContext context,
                           std::span<const FetchTarget> targets)
    : services_(request.services),
      responder_(std::move(request.responder)),
      parameters_(parameters),
      context_(std::move(context)),
      listener_(request.listener),
      targets_(targets.begin(), targets.end()) {
  parameters_.cold_too = true;
  names_.reserve(bytes_of_names(targets));
  std::string_view last;
  std::string_view copy;
  for (FetchTarget& target : targets_) {
    if (target.topic != last) {
      last = target.topic;
      const size_t begin = names_.size();
      names_ += last;
      copy = std::string_view(names_).substr(begin);
    }
    if (!target.topic.empty()) target.topic = copy;
  }
  timer_ = services_.loop.make_timer([this] { on_timer(); });
}

DelayedFetch::~DelayedFetch() {
  for (Partition* partition : watched_) partition->remove_waiter(*this);
}

void DelayedFetch::watch() {
  for (const FetchTarget& target : targets_) {
    Partition* partition = services_.partitions.find(target.topic, target.partition);
    // There a moment ago, or the request would have been answered with an error.
    OTTLA_CHECK(partition != nullptr);
    partition->add_waiter(*this);
    watched_.push_back(partition);
  }
}

// Partitions may have gone meanwhile: that is an error now, which does not wait.
void DelayedFetch::on_warm() {
  if (responder_.gone()) return leave();
  std::vector<PartitionRead> reads;
  const Progress progress = read_targets(services_, parameters_, targets_, reads);
  const bool enough = progress.bytes >= static_cast<uint64_t>(std::max(parameters_.min_bytes, 0));
  if (progress.urgent || enough || services_.loop.monotonic_ms() >= deadline_ms_) return finish(reads);
  watch();
  arm_timer();
}

void DelayedFetch::arm_timer() {
  const int64_t left_ms = deadline_ms_ - services_.loop.monotonic_ms();
  timer_->start(std::clamp<int64_t>(left_ms, 0, kConnectionCheckMs));
}

void DelayedFetch::on_partition_changed() {
  if (scheduled_) return;
  scheduled_ = true;
  services_.loop.defer([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->look_again();
  });
}

void DelayedFetch::on_partition_gone(Partition& partition) {
  std::erase(watched_, &partition);
  on_partition_changed();
}

void DelayedFetch::on_timer() {
  if (responder_.gone()) return leave();
  if (services_.loop.monotonic_ms() < deadline_ms_) return arm_timer();
  std::vector<PartitionRead> reads;
  read_targets(services_, parameters_, targets_, reads);
  finish(reads);
}

void DelayedFetch::look_again() {
  scheduled_ = false;
  if (responder_.gone()) return leave();
  std::vector<PartitionRead> reads;
  const Progress progress = read_targets(services_, parameters_, targets_, reads);
  const bool enough = progress.bytes >= static_cast<uint64_t>(std::max(parameters_.min_bytes, 0));
  if (progress.urgent || enough) finish(reads);
}

// The answer is the last thing: sending may let the connection's next request in.
void DelayedFetch::finish(std::vector<PartitionRead>& reads) {
  const auto self = shared_from_this();
  leave();
  answer(services_, responder_, parameters_, context_, targets_, reads, listener_);
}

// May destroy this object.
void DelayedFetch::leave() {
  for (Partition* partition : watched_) partition->remove_waiter(*this);
  watched_.clear();
  timer_->stop();
  services_.partitions.release(*this);
}

}  // namespace ottla::fetch

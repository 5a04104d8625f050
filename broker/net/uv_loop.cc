// SPDX-License-Identifier: Apache-2.0
#include "broker/net/uv_loop.h"

#include <pthread.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <ctime>
#include <deque>
#include <mutex>

#include "broker/net/timer_heap.h"
#include "broker/net/turns.h"
#include "protocol/base/status.h"

namespace ottla::net {
namespace {

// Owns a libuv handle of any type: libuv frees nothing before its close callback ran.
template <typename Handle>
void close_and_delete(Handle* handle) {
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

}  // namespace

class UvTimer : public Timer, public TimerHeap::Entry {
 public:
  UvTimer(UvLoop::Impl& loop, std::function<void()> callback) : loop_(loop), callback_(std::move(callback)) {}
  ~UvTimer() override { UvTimer::stop(); }
  void start(int64_t delay_ms) override;
  void stop() override;
  bool active() const override { return place != kNowhere; }
  void fire() {
    // The callback may destroy this timer.
    const std::function<void()> callback = callback_;
    callback();
  }

 private:
  UvLoop::Impl& loop_;
  std::function<void()> callback_;
};

// What libuv watches is `Handle`; it outlives the watch until the loop's thread has let it go.
class UvFdWatch : public FdWatch {
 public:
  UvFdWatch(UvLoop::Impl& loop, int fd, bool beside_turns, std::function<void(bool, bool)> callback);
  ~UvFdWatch() override;
  void update(bool want_readable, bool want_writable) override;

  struct Handle {
    uv_poll_t poll;
    UvLoop::Impl& loop;
    bool beside_turns;
    int fd;
    int events = 0;  // that libuv watches for
    int ready = 0;   // that have not been told yet
    std::function<void(bool, bool)> callback;
    bool gone = false;  // guarded by the turn, as `callback` is where it runs in turns

    void open();
    void watch(int wanted);
    void close();
    void tell(int what) { callback((what & UV_READABLE) != 0, (what & UV_WRITABLE) != 0); }
  };

 private:
  UvLoop::Impl& loop_;
  Handle* handle_;
  int events_ = 0;
};

struct UvLoop::Impl {
  // A loop that this one's thread runs as well.
  struct Carried {
    Impl& loop;
    uv_poll_t* ready = nullptr;  // something waits to be polled there
    uv_timer_t* timer = nullptr;
  };

  // The loop that the calling thread is running, the innermost.
  static thread_local Impl* running;

  std::shared_ptr<Turns> turns;
  uv_loop_t loop;
  uv_async_t wake_up;
  uv_timer_t first_timer;
  uv_prepare_t before_poll;
  uv_check_t after_poll;
  std::vector<uv_signal_t*> signals;
  std::deque<std::function<void()>> signal_callbacks;
  std::mutex posted_mutex;
  std::vector<std::function<void()>> posted;  // guarded by posted_mutex
  std::atomic<bool> asked = false;            // for a turn, by whoever

  // The loop's thread alone.
  TurnIo* io = nullptr;
  bool has_turn = false;
  bool told = false;  // by libuv of something that a turn is for: one of the next three
  bool timer_fired = false;
  std::vector<std::function<void()>> happened;  // signals, and ends of work in the background
  std::vector<UvFdWatch::Handle*> ready;
  bool watches_changed = false;  // since libuv looked at them
  std::vector<std::unique_ptr<Carried>> carried;
  std::function<void(int64_t now_ms)> look;
  int64_t look_every_ms = 0;
  int64_t looked_at_ms = 0;

  static constexpr int kRoundsOfCarried = 4;

  // Whoever has the turn.
  pthread_t thread = pthread_self();
  TimerHeap timers;
  int64_t armed_for_ms = -1;
  std::vector<std::function<void()>> for_thread;

  // Whose thread runs this one. Changed by that thread, in a turn.
  std::atomic<Impl*> carrier = nullptr;

  bool on_own_thread() const {
    if (!turns->shared || running == this) return true;
    return running == nullptr && carrier.load(std::memory_order_relaxed) == nullptr &&
           pthread_equal(thread, pthread_self()) != 0;
  }
  // Whether the caller's thread sees that this loop is asked before it sleeps.
  bool runs_next() const {
    if (running == nullptr || running == this) return false;
    const auto root = [](const Impl* one) {
      const Impl* carrier = one->carrier.load(std::memory_order_relaxed);
      return carrier != nullptr ? carrier : one;
    };
    return root(this) == root(running);
  }
  void wake() {
    if (!asked.exchange(true) && !runs_next()) uv_async_send(&wake_up);
  }

  // Only the loop's thread may touch what libuv has of it: runs `task` there, in a turn, in the order of the
  // calls.
  void on_thread(std::function<void()> task) {
    if (on_own_thread()) {
      run_for_thread();
      return task();
    }
    for_thread.push_back(std::move(task));
    wake();
  }
  void run_for_thread() {
    while (!for_thread.empty()) {
      const std::vector<std::function<void()>> batch = std::exchange(for_thread, {});
      for (const auto& task : batch) task();
    }
  }

  void begin_turn() {
    if (has_turn) return;
    if (turns->shared) turns->lock.lock();
    has_turn = true;
    turns->now_ms = std::max(turns->now_ms, static_cast<int64_t>(uv_now(&loop)));
  }
  void end_turn() {
    if (!has_turn) return;
    has_turn = false;
    if (turns->shared) turns->lock.unlock();
  }

  void run_posted() {
    std::vector<std::function<void()>> batch;
    {
      const std::lock_guard lock(posted_mutex);
      batch.swap(posted);
    }
    for (auto& callback : batch) callback();
  }
  void run_timers() {
    timer_fired = false;
    armed_for_ms = -1;
    const auto now_ms = static_cast<int64_t>(uv_now(&loop));
    // A timer that its own callback starts again without a delay waits for the next turn.
    const uint64_t end = timers.next_sequence();
    while (!timers.empty() && timers.first().deadline_ms <= now_ms && timers.first().sequence < end) {
      auto& timer = static_cast<UvTimer&>(timers.first());
      timer.stop();
      timer.fire();
    }
  }
  void arm_timer() {
    if (timers.empty() || timers.first().deadline_ms == armed_for_ms) return;
    armed_for_ms = timers.first().deadline_ms;
    const int64_t delay_ms = armed_for_ms - static_cast<int64_t>(uv_now(&loop));
    uv_timer_start(
        &first_timer,
        [](uv_timer_t* handle) {
          auto* self = static_cast<Impl*>(handle->data);
          self->told = self->timer_fired = true;
        },
        static_cast<uint64_t>(std::max<int64_t>(delay_ms, 0)), 0);
  }
  void run_happened() {
    for (const auto& callback : std::exchange(happened, {})) callback();
  }
  void run_ready() {
    // One that a callback before it closed is not told.
    for (size_t i = 0; i < ready.size(); ++i) {
      UvFdWatch::Handle& handle = *ready[i];
      const int what = std::exchange(handle.ready, 0);
      if (what != 0 && !handle.gone) handle.tell(what);
    }
    ready.clear();
  }

  bool wants_turn() const { return has_turn || told || asked.load(std::memory_order_relaxed); }
  // Turns of this loop, and of those it carries that were asked for one by now.
  void take_turns() {
    take_own_turns();
    if (look) look_where_due();
    if (carried.empty()) return;
    for (int round = 0; round < kRoundsOfCarried && run_asked(); ++round) take_own_turns();
    // Those who asked thought that they need not wake it.
    if (asked.load(std::memory_order_relaxed)) uv_async_send(&wake_up);
  }
  void look_where_due() {
    const auto now_ms = static_cast<int64_t>(uv_now(&loop));
    if (now_ms - looked_at_ms < look_every_ms) return;
    looked_at_ms = now_ms;
    look(now_ms);
  }
  // Whether this loop is to have another turn.
  bool run_asked() {
    for (const auto& one : carried) {
      if (one->loop.asked.load(std::memory_order_relaxed)) run_carried(*one);
    }
    return asked.load(std::memory_order_relaxed);
  }
  static void run_carried(Carried& one) {
    Impl* const outer = std::exchange(running, &one.loop);
    do {
      one.loop.watches_changed = false;
      uv_run(&one.loop.loop, UV_RUN_NOWAIT);
    } while (one.loop.watches_changed);
    running = outer;
    const int delay_ms = uv_backend_timeout(&one.loop.loop);
    if (delay_ms < 0) return;
    uv_timer_start(
        one.timer, [](uv_timer_t* handle) { run_carried(*static_cast<Carried*>(handle->data)); },
        static_cast<uint64_t>(delay_ms), 0);
  }
  void carry(Impl& other);
  void put_down(Impl& other);

  // One turn where one is wanted, and further ones while sending leads to some.
  void take_own_turns() {
    bool more = turns->shared && io != nullptr && io->receive();
    if (!turns->shared && !wants_turn()) return;
    if (more || wants_turn()) turn(more);
    while (io != nullptr && io->transmit()) turn(true);
  }
  void turn(bool received) {
    begin_turn();
    if (asked.load(std::memory_order_relaxed) && asked.exchange(false)) {
      run_for_thread();
      run_posted();
    }
    if (std::exchange(told, false)) {
      if (timer_fired) run_timers();
      run_happened();
      run_ready();
    }
    if (received) io->hand_on();
    do {
      turns->run_deferred();
      if (io != nullptr) io->collect();
    } while (!turns->deferred.empty());
    arm_timer();
    end_turn();
  }

  void open();
  void run_in_background(std::function<void()> work, std::function<void()> done);
};

void UvTimer::start(int64_t delay_ms) {
  // The time of the turn stands still; without this a long turn would shorten the delay.
  const auto now_ms = static_cast<int64_t>(uv_hrtime() / 1'000'000);
  loop_.timers.start(*this, now_ms + std::max<int64_t>(delay_ms, 0));
  // The loop's own thread arms at the end of the turn.
  const bool too_late = loop_.armed_for_ms < 0 || deadline_ms < loop_.armed_for_ms;
  if (too_late && !loop_.on_own_thread()) loop_.wake();
}

void UvTimer::stop() { loop_.timers.stop(*this); }

UvFdWatch::UvFdWatch(UvLoop::Impl& loop, int fd, bool beside_turns, std::function<void(bool, bool)> callback)
    : loop_(loop), handle_(new Handle{{}, loop, beside_turns, fd, 0, 0, std::move(callback)}) {
  loop_.on_thread([handle = handle_] { handle->open(); });
}

UvFdWatch::~UvFdWatch() {
  handle_->gone = true;
  loop_.on_thread([handle = handle_] { handle->close(); });
}

void UvFdWatch::update(bool want_readable, bool want_writable) {
  const int events = (want_readable ? UV_READABLE : 0) | (want_writable ? UV_WRITABLE : 0);
  if (events == events_) return;
  events_ = events;
  loop_.on_thread([handle = handle_, events] { handle->watch(events); });
}

void UvFdWatch::Handle::open() {
  const int rc = uv_poll_init(&loop.loop, &poll, fd);
  OTTLA_CHECK(rc == 0);
  poll.data = this;
}

void UvFdWatch::Handle::watch(int wanted) {
  if (wanted == events) return;
  events = wanted;
  loop.watches_changed = true;
  if (wanted == 0) {
    uv_poll_stop(&poll);
    return;
  }
  uv_poll_start(&poll, wanted, [](uv_poll_t* watched, int status, int what) {
    auto* handle = static_cast<Handle*>(watched->data);
    // An error is told as readiness: the owner's next read or write reports the errno.
    if (status < 0) what = UV_READABLE | UV_WRITABLE;
    if (handle->beside_turns) {
      if (!handle->loop.turns->shared) handle->loop.begin_turn();
      return handle->tell(what);
    }
    handle->loop.told = true;
    if (std::exchange(handle->ready, what) == 0) handle->loop.ready.push_back(handle);
  });
}

void UvFdWatch::Handle::close() {
  uv_poll_stop(&poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
}

void UvLoop::Impl::open() {
  std::signal(SIGPIPE, SIG_IGN);
  OTTLA_CHECK(uv_loop_init(&loop) == 0);
  uv_async_init(&loop, &wake_up, nullptr);
  uv_timer_init(&loop, &first_timer);
  uv_prepare_init(&loop, &before_poll);
  uv_check_init(&loop, &after_poll);
  first_timer.data = before_poll.data = after_poll.data = this;
  uv_prepare_start(&before_poll,
                   [](uv_prepare_t* handle) { static_cast<Impl*>(handle->data)->take_turns(); });
  uv_check_start(&after_poll, [](uv_check_t* handle) { static_cast<Impl*>(handle->data)->take_turns(); });
  turns->now_ms = std::max(turns->now_ms, static_cast<int64_t>(uv_now(&loop)));
}

void UvLoop::Impl::carry(Impl& other) {
  auto one = std::make_unique<Carried>(Carried{other});
  one->ready = new uv_poll_t;
  one->timer = new uv_timer_t;
  OTTLA_CHECK(uv_poll_init(&loop, one->ready, uv_backend_fd(&other.loop)) == 0);
  uv_timer_init(&loop, one->timer);
  one->ready->data = one->timer->data = one.get();
  other.carrier = this;
  uv_poll_start(one->ready, UV_READABLE,
                [](uv_poll_t* handle, int, int) { run_carried(*static_cast<Carried*>(handle->data)); });
  // What it has to tell libuv still.
  uv_timer_start(
      one->timer, [](uv_timer_t* handle) { run_carried(*static_cast<Carried*>(handle->data)); }, 0, 0);
  carried.push_back(std::move(one));
}

void UvLoop::Impl::put_down(Impl& other) {
  const auto found =
      std::find_if(carried.begin(), carried.end(), [&](const auto& one) { return &one->loop == &other; });
  OTTLA_CHECK(found != carried.end());
  close_and_delete((*found)->ready);
  close_and_delete((*found)->timer);
  carried.erase(found);
  other.carrier = nullptr;
  // It may have been asked by this thread, which did not wake it.
  uv_async_send(&other.wake_up);
}

void UvLoop::Impl::run_in_background(std::function<void()> work, std::function<void()> done) {
  struct BackgroundWork {
    uv_work_t request;
    Impl& loop;
    std::function<void()> work;
    std::function<void()> done;
  };
  auto* request = new BackgroundWork{{}, *this, std::move(work), std::move(done)};
  request->request.data = request;
  const int rc = uv_queue_work(
      &loop, &request->request, [](uv_work_t* queued) { static_cast<BackgroundWork*>(queued->data)->work(); },
      [](uv_work_t* finished, int) {
        const std::unique_ptr<BackgroundWork> owned(static_cast<BackgroundWork*>(finished->data));
        // What the work holds is let go in the turn, too.
        owned->loop.told = true;
        owned->loop.happened.push_back(
            [work = std::move(owned->work), done = std::move(owned->done)] { done(); });
      });
  OTTLA_CHECK(rc == 0);
}

thread_local UvLoop::Impl* UvLoop::Impl::running = nullptr;

UvLoop::UvLoop() : impl_(std::make_unique<Impl>()) {
  impl_->turns = std::make_shared<Turns>();
  impl_->open();
}

UvLoop::UvLoop(UvLoop& first) : impl_(std::make_unique<Impl>()) {
  impl_->turns = first.impl_->turns;
  impl_->turns->shared = true;
  impl_->open();
}

UvLoop::~UvLoop() {
  impl_->thread = pthread_self();
  impl_->run_for_thread();
  const auto close = [](auto* handle) { uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr); };
  close(&impl_->wake_up);
  close(&impl_->first_timer);
  close(&impl_->before_poll);
  close(&impl_->after_poll);
  for (uv_signal_t* handle : impl_->signals) close_and_delete(handle);
  // Runs the close callbacks, and background work that was under way.
  do {
    uv_run(&impl_->loop, UV_RUN_DEFAULT);
    impl_->run_happened();
  } while (uv_loop_alive(&impl_->loop) != 0 || !impl_->happened.empty());
  uv_loop_close(&impl_->loop);
}

int64_t UvLoop::monotonic_ms() const { return impl_->turns->now_ms; }

int64_t UvLoop::wall_ms() const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::unique_ptr<Timer> UvLoop::make_timer(std::function<void()> callback) {
  return std::make_unique<UvTimer>(*impl_, std::move(callback));
}

void UvLoop::defer(std::function<void()> callback) { impl_->turns->deferred.push_back(std::move(callback)); }

void UvLoop::post(std::function<void()> callback) {
  {
    const std::lock_guard lock(impl_->posted_mutex);
    impl_->posted.push_back(std::move(callback));
  }
  impl_->wake();
}

void UvLoop::run_in_background(std::function<void()> work, std::function<void()> done) {
  if (impl_->on_own_thread()) return impl_->run_in_background(std::move(work), std::move(done));
  impl_->on_thread(
      [this, work = std::move(work), done = std::move(done)] { impl_->run_in_background(work, done); });
}

std::unique_ptr<FdWatch> UvLoop::watch_fd(int fd, std::function<void(bool, bool)> callback) {
  return std::make_unique<UvFdWatch>(*impl_, fd, false, std::move(callback));
}

std::unique_ptr<FdWatch> UvLoop::watch_beside_turns(int fd, std::function<void(bool, bool)> callback) {
  return std::make_unique<UvFdWatch>(*impl_, fd, true, std::move(callback));
}

void UvLoop::set_io(TurnIo* io) { impl_->io = io; }

bool UvLoop::shares_turns() const { return impl_->turns->shared; }

bool UvLoop::on_own_thread() const { return impl_->on_own_thread(); }

void UvLoop::wake() { impl_->wake(); }

void UvLoop::on_signal(int signal_number, std::function<void()> callback) {
  auto* handle = new uv_signal_t;
  uv_signal_init(&impl_->loop, handle);
  impl_->signal_callbacks.push_back([impl = impl_.get(), callback = std::move(callback)] {
    impl->told = true;
    impl->happened.push_back(callback);
  });
  handle->data = &impl_->signal_callbacks.back();
  uv_signal_start(
      handle, [](uv_signal_t* fired, int) { (*static_cast<std::function<void()>*>(fired->data))(); },
      signal_number);
  impl_->signals.push_back(handle);
}

void UvLoop::run() {
  impl_->begin_turn();
  impl_->thread = pthread_self();
  Impl* const outer = std::exchange(Impl::running, impl_.get());
  uv_run(&impl_->loop, UV_RUN_DEFAULT);
  Impl::running = outer;
  impl_->end_turn();
}

void UvLoop::carry(UvLoop& other) { impl_->carry(*other.impl_); }

void UvLoop::put_down(UvLoop& other) { impl_->put_down(*other.impl_); }

void UvLoop::look_every(int64_t period_ms, std::function<void(int64_t)> look) {
  impl_->look_every_ms = period_ms;
  impl_->look = std::move(look);
}

void UvLoop::stop() {
  impl_->on_thread([this] { uv_stop(&impl_->loop); });
}

}  // namespace ottla::net

// SPDX-License-Identifier: Apache-2.0
// What the machine itself takes for the parts of a broker's work: no broker on it can be cheaper.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include "protocol/records/crc32c.h"
#include "protocol/records/validation.h"
#include "tests/bench/load/fail.h"
#include "tests/bench/load/frames.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/report.h"

namespace ottla::load {
namespace {

constexpr size_t kChunk = 64 * 1024;
constexpr size_t kPage = 4096;
constexpr int kEchoes = 2000;

// Two ends of a TCP connection over loopback.
std::array<int, 2> tcp_pair() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener, 1) != 0) {
    fail_errno("listen");
  }
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  const int client = connect_to({"127.0.0.1", ntohs(address.sin_port)});
  const int server = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ::close(listener);
  return {client, server};
}

// A file below options.path that is gone when it is closed.
int scratch_file(const Options& options) {
  const std::string directory = options.path.empty() ? "/tmp" : options.path;
  const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR, 0600);
  if (fd < 0) fail_errno("a file in " + directory);
  return fd;
}

double per_gigabyte(int64_t ns, int64_t bytes) {
  return static_cast<double>(ns) / static_cast<double>(bytes);
}

// Leaves the file full of `bytes` bytes.
void append(int fd, int64_t bytes, nlohmann::json& out) {
  const std::vector<uint8_t> chunk(kChunk, 0x5a);
  const int64_t wall = now_ns();
  const int64_t cpu = nanoseconds_of(CLOCK_THREAD_CPUTIME_ID);
  for (int64_t at = 0; at < bytes; at += kChunk) {
    if (::pwrite(fd, chunk.data(), chunk.size(), at) != static_cast<ssize_t>(kChunk)) fail_errno("write");
  }
  out["append_cpu_s_per_gb"] = per_gigabyte(nanoseconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu, bytes);
  out["append_gb_per_s"] = static_cast<double>(bytes) / static_cast<double>(now_ns() - wall);
}

void receive(int64_t bytes, nlohmann::json& out) {
  const auto [client, server] = tcp_pair();
  std::thread sender([client, bytes] {
    const std::vector<uint8_t> chunk(kChunk, 0x5a);
    for (int64_t sent = 0; sent < bytes;) {
      const ssize_t count = ::send(client, chunk.data(), chunk.size(), MSG_NOSIGNAL);
      if (count <= 0) fail_errno("send");
      sent += count;
    }
    ::close(client);
  });
  std::vector<uint8_t> buffer(2 * kChunk);
  const int64_t cpu = nanoseconds_of(CLOCK_THREAD_CPUTIME_ID);
  int64_t received = 0;
  for (ssize_t count = 1; count > 0; received += count) count = ::read(server, buffer.data(), buffer.size());
  out["receive_cpu_s_per_gb"] = per_gigabyte(nanoseconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu, received);
  sender.join();
  ::close(server);
}

void checksum(nlohmann::json& out) {
  constexpr int kTimes = 16 * 1024;
  const std::vector<uint8_t> chunk(16 * 1024, 0x5a);
  const int64_t cpu = nanoseconds_of(CLOCK_THREAD_CPUTIME_ID);
  uint32_t crc = 0;
  for (int i = 0; i < kTimes; ++i) crc = crc32c(chunk, crc);
  const int64_t spent = nanoseconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu;
  out["crc_cpu_s_per_gb"] = per_gigabyte(spent + (crc == 1 ? 1 : 0), int64_t{kTimes} * 16 * 1024);
}

// What a broker that looks into compressed batches, as Kafka does, takes for that beside the rest.
void check_compressed(nlohmann::json& out) {
  constexpr int kTimes = 600;
  Options options;
  options.records = 160;
  for (const char* codec : {"zstd", "lz4", "snappy", "gzip"}) {
    options.codec = codec;
    std::vector<uint8_t> batch = batch_of(options);
    const int64_t cpu = nanoseconds_of(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < kTimes; ++i) {
      if (!records::validate_records(batch, {}).ok()) fail("a batch of ours is not valid");
    }
    out[fmt::format("check_{}_cpu_s_per_gb", codec)] = per_gigabyte(
        nanoseconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu, int64_t{kTimes} * options.records * options.size);
  }
}

void send_file(int fd, int64_t bytes, nlohmann::json& out) {
  const auto [client, server] = tcp_pair();
  std::thread reader([client] {
    std::vector<uint8_t> buffer(1 << 20);
    while (::recv(client, buffer.data(), buffer.size(), MSG_TRUNC) > 0) continue;
    ::close(client);
  });
  const int64_t cpu = nanoseconds_of(CLOCK_THREAD_CPUTIME_ID);
  off_t at = 0;
  while (at < bytes) {
    if (::sendfile(server, fd, &at, static_cast<size_t>(std::min<int64_t>(bytes - at, 1 << 20))) <= 0) {
      fail_errno("sendfile");
    }
  }
  out["sendfile_cpu_s_per_gb"] = per_gigabyte(nanoseconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu, bytes);
  ::close(server);
  reader.join();
}

// A request of 1 KiB and an answer of 64 bytes, 1,000 a second, by two threads that sleep in between.
void echo(nlohmann::json& out) {
  const auto [client, server] = tcp_pair();
  std::thread answerer([server = server] {
    std::array<uint8_t, 1024> request{};
    while (::recv(server, request.data(), request.size(), MSG_WAITALL) ==
           static_cast<ssize_t>(request.size())) {
      ::send(server, request.data(), 64, MSG_NOSIGNAL);
    }
    ::close(server);
  });
  std::array<uint8_t, 1024> frame{};
  Histogram latency;
  for (int i = 0; i < kEchoes; ++i) {
    ::usleep(900);
    const int64_t sent = now_ns();
    ::send(client, frame.data(), frame.size(), MSG_NOSIGNAL);
    if (::recv(client, frame.data(), 64, MSG_WAITALL) != 64) fail_errno("echo");
    latency.record(now_ns() - sent);
  }
  ::close(client);
  answerer.join();
  out["echo_p50_us"] = static_cast<double>(latency.at(0.5)) / 1e3;
  out["echo_p99_us"] = static_cast<double>(latency.at(0.99)) / 1e3;
}

}  // namespace

void run_limits(const Options& options) {
  const int64_t bytes = options.bytes > 0 ? options.bytes : int64_t{256} << 20;
  nlohmann::json out;
  const int fd = scratch_file(options);
  append(fd, bytes, out);
  // A short probe for every leg of a measurement, all of it once a run.
  if (options.count > 0) {
    receive(bytes, out);
    checksum(out);
    check_compressed(out);
    send_file(fd, bytes, out);
    echo(out);
  }
  ::close(fd);
  print(out);
}

void run_touch(const Options& options) {
  const auto size = static_cast<size_t>(options.bytes);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail_errno("mmap");
  const int64_t begin = now_ns();
  auto* bytes = static_cast<volatile uint8_t*>(memory);
  for (size_t at = 0; at < size; at += kPage) bytes[at] = 1;
  const double seconds = static_cast<double>(now_ns() - begin) / 1e9;
  print({{"gb_per_s", static_cast<double>(size) / 1e9 / seconds}, {"seconds", seconds}});
}

}  // namespace ottla::load

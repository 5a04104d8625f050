// SPDX-License-Identifier: Apache-2.0
// Many connections in one thread: frames go out, answers come back in the order of the requests. What a turn
// of the loop sends on one connection leaves in one write.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ottla::load {

struct Address {
  std::string host;
  uint16_t port = 0;
};
// "127.0.0.1:9092"; ends the program where it is not that.
Address parse_address(const std::string& text);
// A connected socket without Nagle's delay; -1 and errno where that failed.
int connect_to(const Address& address);

class Wires;

class Wire {
 public:
  // One answer without its length prefix, valid during the call.
  using OnFrame = std::function<void(std::span<uint8_t> frame)>;

  Wire(Wires& wires, int fd, OnFrame on_frame) : wires_(wires), fd_(fd), on_frame_(std::move(on_frame)) {}
  ~Wire();
  Wire(const Wire&) = delete;

  // `frame`, with its length prefix, stays as it is until it is written.
  void send(std::span<const uint8_t> frame);

 private:
  friend class Wires;
  void read_some();
  void flush();
  void block(bool blocked);
  void take(std::span<uint8_t> bytes);
  std::span<uint8_t> cut_frames(std::span<uint8_t> bytes);

  Wires& wires_;
  int fd_;
  OnFrame on_frame_;
  std::vector<std::span<const uint8_t>> unsent_;
  size_t first_unsent_ = 0;
  std::vector<uint8_t> partial_;
  size_t partial_size_ = 0;
  bool dirty_ = false;
  bool blocked_ = false;
};

class Wires {
 public:
  Wires();
  ~Wires();
  // Ends the program where the connection fails.
  Wire& connect(const Address& address, Wire::OnFrame on_frame);
  // Goes on until `done`. `on_turn` is called once a turn and gives the time (now_ns) of its next call, or -1
  // where answers alone decide.
  void run(const std::function<int64_t()>& on_turn, const std::function<bool()>& done);

 private:
  friend class Wire;
  static constexpr size_t kBufferBytes = 1 << 20;

  int epoll_;
  std::vector<uint8_t> buffer_;
  std::vector<std::unique_ptr<Wire>> wires_;
  std::vector<Wire*> dirty_;
};

}  // namespace ottla::load

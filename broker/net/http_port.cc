// SPDX-License-Identifier: Apache-2.0
#include "broker/net/http_port.h"

#include <fmt/format.h>

namespace ottla::net {
namespace {

constexpr size_t kHeadMax = 8 * 1024, kConnectionsMax = 16;
constexpr int64_t kDeadlineMs = 10'000;

const char* phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
  }
  return "Bad Request";
}

}  // namespace

class HttpPort::Client : public SocketHandler, public std::enable_shared_from_this<Client> {
 public:
  Client(HttpPort& port, std::shared_ptr<Socket> socket)
      : port_(port),
        socket_(std::move(socket)),
        deadline_(port.flush_list_.loop().make_timer([this] { close_later(); })) {}

  void start() {
    deadline_->start(kDeadlineMs);
    socket_->start(*this);
  }
  void drop() { socket_->close(); }

  void on_bytes(std::span<uint8_t> bytes) override {
    if (answered_) return;
    head_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const bool whole = head_.find("\r\n\r\n") != std::string::npos || head_.find("\n\n") != std::string::npos;
    if (whole) {
      reply(answer());
    } else if (head_.size() > kHeadMax) {
      reply({431, "text/plain", ""});
    }
  }
  // The timer goes at once: the loop may end with this turn.
  void on_closed() override {
    deadline_.reset();
    const auto self = shared_from_this();
    port_.forget(this);
  }

 private:
  // Not from inside the timer's own call: closing lets the timer go.
  void close_later() {
    port_.flush_list_.loop().defer([self = shared_from_this()] { self->socket_->close(); });
  }

  coordination::HttpAnswer answer() const {
    const std::string_view line = std::string_view(head_).substr(0, head_.find_first_of("\r\n"));
    const size_t method_end = line.find(' ');
    const size_t target_end =
        method_end == std::string_view::npos ? method_end : line.find(' ', method_end + 1);
    if (target_end == std::string_view::npos || !line.substr(target_end + 1).starts_with("HTTP/1."))
      return {400, "text/plain", ""};
    if (line.substr(0, method_end) != "GET") return {405, "text/plain", ""};
    return port_.answer_(line.substr(method_end + 1, target_end - method_end - 1));
  }

  void reply(const coordination::HttpAnswer& answer) {
    answered_ = true;
    const std::string text = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        answer.status, phrase(answer.status), answer.content_type, answer.body.size(), answer.body);
    socket_->output().raw({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    socket_->close_after_flush();
  }

  HttpPort& port_;
  std::shared_ptr<Socket> socket_;
  std::unique_ptr<Timer> deadline_;
  std::string head_;
  bool answered_ = false;
};

HttpPort::HttpPort(FlushList& flush_list, std::unique_ptr<Listener> listener, Answer answer)
    : flush_list_(flush_list), listener_(std::move(listener)), answer_(std::move(answer)) {
  listener_->start([this](std::shared_ptr<Socket> socket) {
    if (clients_.size() >= kConnectionsMax) return;
    const auto client = std::make_shared<Client>(*this, std::move(socket));
    clients_[client.get()] = client;
    client->start();
  });
}

HttpPort::~HttpPort() {
  listener_->close();
  const auto clients = std::exchange(clients_, {});
  for (const auto& [key, client] : clients) client->drop();
}

void HttpPort::forget(Client* client) { clients_.erase(client); }

}  // namespace ottla::net

// SPDX-License-Identifier: Apache-2.0
// What an API's handler gets: one request, and the one way to answer it.
//
// Threads: the loop's. The request's bytes, and every view decoded from them, are valid until the handler
// returns; a handler that answers later copies what it keeps and moves the Responder away.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "broker/net/connection.h"
#include "protocol/base/status.h"
#include "protocol/generated/api_keys.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla {

struct Services;

// Answers one request, once: send, send_nothing or close_connection. One that is dropped unanswered closes
// its connection, since every later response on it would wait for ever. After the connection is gone, answers
// go nowhere.
class Responder {
 public:
  Responder(std::shared_ptr<net::Connection> connection, uint64_t slot, protocol::ApiKey api_key,
            int16_t version, int32_t correlation_id)
      : connection_(std::move(connection)),
        slot_(slot),
        api_key_(api_key),
        version_(version),
        correlation_id_(correlation_id) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&&) = delete;
  ~Responder();

  // Encodes `response` at the request's version.
  template <typename Response>
  void send(const Response& response) {
    send_at(response, version_);
  }
  // Encodes at another version: ApiVersions answers a version it does not know in its version 0.
  template <typename Response>
  void send_at(const Response& response, int16_t version) {
    const auto connection = std::exchange(connection_, nullptr);
    OTTLA_CHECK(connection != nullptr);
    if (connection->closed()) return;
    Writer& writer = connection->begin_response(slot_);
    const size_t frame = writer.begin_frame();
    write_header(writer, version);
    response.encode(writer, version);
    writer.end_frame(frame);
    connection->finish_response(slot_);
  }
  void send_nothing();
  void close_connection();
  // A copy that can be kept in a std::function.
  std::shared_ptr<Responder> share() && { return std::make_shared<Responder>(std::move(*this)); }

  // Whether the connection went away, so that an answer is pointless.
  bool gone() const { return connection_ == nullptr || connection_->closed(); }
  int16_t version() const { return version_; }
  const std::shared_ptr<net::Connection>& connection() const { return connection_; }

 private:
  void write_header(Writer& writer, int16_t version) const;

  std::shared_ptr<net::Connection> connection_;
  uint64_t slot_;
  protocol::ApiKey api_key_;
  int16_t version_;
  int32_t correlation_id_;
};

struct Request {
  Services& services;
  protocol::ApiKey api_key;
  int16_t version;
  std::string_view client_id;  // empty where null
  std::string_view listener;   // the name of the listener that the client connected to ("PLAINTEXT")
  Reader body;
  std::span<uint8_t> frame;  // the bytes that `body` reads, writable: records are patched in place
  Responder responder;

  // Whether 2.8's behaviour is the right one where releases differ (config::Release).
  bool answered_as_2_8() const;
  const std::string& peer_address() const { return responder.connection()->peer_address(); }

  // Decodes the body. On bytes that do not fit, logs, closes the connection as Kafka does, and returns false.
  template <typename Message>
  bool decode(Message& message) {
    message.decode(body, version);
    if (body.ok()) return true;
    reject(body.error());
    return false;
  }
  // Logs why the request can not be served and closes the connection.
  void reject(std::string_view reason);
};

}  // namespace ottla

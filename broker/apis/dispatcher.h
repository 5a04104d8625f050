// SPDX-License-Identifier: Apache-2.0
// From a frame to its handler: reads the request header, finds the row, checks the version.
//
// An API that is not in the table is answered with UNSUPPORTED_VERSION where its response can say so
// (unsupported.h); an unknown key, and a version that is not offered, close the connection, as Kafka does. A
// too new ApiVersions is answered with UNSUPPORTED_VERSION in the body of version 0, so that a client can
// come down to what is offered (KIP-511).
#pragma once

#include <functional>
#include <string>

#include "broker/apis/request.h"
#include "broker/net/connection.h"

namespace ottla {

// One per listener.
class Dispatcher : public net::RequestSink {
 public:
  // `closed` is told of each connection that ends.
  Dispatcher(Services& services, std::string listener_name,
             std::function<void(const net::Connection&)> closed)
      : services_(services), listener_name_(std::move(listener_name)), closed_(std::move(closed)) {}

  void on_request(const std::shared_ptr<net::Connection>& connection, uint64_t slot,
                  std::span<uint8_t> frame) override;
  void on_connection_closed(const std::shared_ptr<net::Connection>& connection) override {
    closed_(*connection);
  }

 private:
  Services& services_;
  std::string listener_name_;
  std::function<void(const net::Connection&)> closed_;
};

}  // namespace ottla

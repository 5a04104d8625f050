// SPDX-License-Identifier: Apache-2.0
// Other brokers, played by the test: what is sent to them is kept, and answered when the test says so.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/metadata/peers.h"

namespace ottla {

class FakePeers : public Peers {
 public:
  struct Sent {
    protocol::ApiKey key;
    int16_t version = 0;
    std::vector<uint8_t> body;
    Peer::Answered answered;

    // The request; views of it are valid as long as this is.
    template <typename Request>
    Request as() const {
      Request request;
      Reader reader{Bytes(body)};
      request.decode(reader, version);
      return request;
    }
  };

  std::unique_ptr<Peer> connect(const Endpoint& endpoint, int64_t, Broken broken) override {
    Broker& broker = brokers[endpoint.port];
    ++broker.connections;
    broker.broken = std::move(broken);
    return std::make_unique<FakePeer>(*this, endpoint.port);
  }

  // What broker `port` was asked and has not answered; one at least.
  Sent& next(int port) { return brokers.at(port).waiting.front(); }
  bool asked(int port) { return brokers.contains(port) && !brokers[port].waiting.empty(); }
  template <typename Response>
  void answer(int port, const Response& response) {
    const Sent sent = std::move(next(port));
    brokers[port].waiting.pop_front();
    Writer writer;
    response.encode(writer, sent.version);
    Reader reader(writer.buffer());
    sent.answered(reader);
  }
  void break_connection(int port) {
    brokers[port].waiting.clear();
    std::exchange(brokers[port].broken, nullptr)({ErrorCode::NETWORK_EXCEPTION, "the connection ended"});
  }

  struct Broker {
    std::deque<Sent> waiting;
    Broken broken;
    int connections = 0;
  };
  std::map<int, Broker> brokers;  // by port

 private:
  class FakePeer : public Peer {
   public:
    FakePeer(FakePeers& peers, int port) : peers_(peers), port_(port) {}
    ~FakePeer() override {
      peers_.brokers[port_].waiting.clear();
      peers_.brokers[port_].broken = nullptr;
    }
    void send(protocol::ApiKey key, int16_t version, const std::function<void(Writer&)>& encode,
              Answered answered) override {
      Writer writer;
      encode(writer);
      const Bytes body = writer.buffer();
      peers_.brokers[port_].waiting.push_back(
          {key, version, {body.begin(), body.end()}, std::move(answered)});
    }

   private:
    FakePeers& peers_;
    int port_;
  };
};

}  // namespace ottla

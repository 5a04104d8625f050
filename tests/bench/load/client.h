// SPDX-License-Identifier: Apache-2.0
// One connection that asks one thing at a time, for whatever is not a load: topics, groups, what a start
// needs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/generated/api_keys.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"
#include "tests/bench/load/fail.h"
#include "tests/bench/load/wires.h"

namespace ottla::load {

// A whole request: length, header, body.
template <typename Request>
std::vector<uint8_t> request_frame(const Request& request, int16_t version) {
  const auto key = static_cast<protocol::ApiKey>(Request::kApiKey);
  Writer writer;
  const size_t frame = writer.begin_frame();
  writer.int16(Request::kApiKey);
  writer.int16(version);
  writer.int32(1);
  writer.nullable_string("bench");
  if (protocol::request_header_version(key, version) >= 2) writer.unsigned_varint(0);
  request.encode(writer, version);
  writer.end_frame(frame);
  const Bytes bytes = writer.buffer();
  return {bytes.begin(), bytes.end()};
}

// Decodes an answer's header and body; views point into `frame`. Ends the program where it does not fit.
template <typename Response>
void decode_answer(std::span<const uint8_t> frame, int16_t version, Response& response) {
  const auto key = static_cast<protocol::ApiKey>(Response::kApiKey);
  Reader reader(frame);
  reader.int32();
  if (protocol::response_header_version(key, version) >= 1) reader.unsigned_varint();
  response.decode(reader, version);
  if (!reader.ok()) fail(std::string("an answer that can not be read: ") + reader.error());
}

class Client {
 public:
  // Ends the program where the connection fails.
  explicit Client(const Address& address);
  ~Client();
  Client(const Client&) = delete;

  // The answer's views are valid until the next call.
  template <typename Response, typename Request>
  Response ask(const Request& request, int16_t version) {
    exchange(request_frame(request, version));
    Response response;
    decode_answer(answer_, version, response);
    return response;
  }
  // The answer's bytes behind its length prefix; false where the connection broke.
  bool try_exchange(std::span<const uint8_t> frame);
  std::span<const uint8_t> answer() const { return answer_; }

 private:
  void exchange(std::span<const uint8_t> frame);

  int fd_;
  std::vector<uint8_t> answer_;
};

// Makes a topic and waits until all its partitions are led.
void make_topic(Client& client, const std::string& topic, int32_t partitions);
void delete_topic(Client& client, const std::string& topic);
// Asks, with auto-creation, until the topics are led and their leader serves them: a request or two for all.
void await_topics(Client& client, const std::vector<std::string>& topics, int32_t partitions);
void await_topic(Client& client, const std::string& topic, int32_t partitions);

}  // namespace ottla::load

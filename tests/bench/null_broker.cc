// SPDX-License-Identifier: Apache-2.0
// The least that can be called a broker: parses, checks the CRC, appends, answers; nothing else. What it
// costs is the bound in practice for what a broker can cost on the machine. Every topic exists, with the
// partitions that the command line says; only what bench_load and librdkafka send by default is understood;
// errors end the program.
//
//   null_broker DIRECTORY PARTITIONS    prints "ready kafka=127.0.0.1:PORT"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/generated/api_keys.h"
#include "protocol/generated/api_versions_response.h"
#include "protocol/generated/fetch_request.h"
#include "protocol/generated/metadata_request.h"
#include "protocol/generated/metadata_response.h"
#include "protocol/records/record_batch.h"
#include "protocol/wire/writer.h"
#include "tests/bench/load/clocks.h"
#include "tests/bench/load/fail.h"

namespace ottla::load {
namespace {

using protocol::ApiKey;

struct Batch {
  int64_t base_offset;
  uint64_t position;
};

struct Log {
  int fd = -1;
  uint64_t size = 0;
  int64_t end_offset = 0;
  std::vector<Batch> batches;
};

// Bytes, then a piece of a file, in turn.
struct Piece {
  std::vector<uint8_t> bytes;
  size_t sent = 0;
  int file = -1;
  off_t position = 0;
  size_t length = 0;
};

struct Connection {
  int fd = -1;
  std::vector<uint8_t> in;
  size_t received = 0;
  Writer out;
  size_t sent = 0;
  std::deque<Piece> pieces;  // in front of `out`
  bool blocked = false;
};

// A Fetch that found nothing; looked at again when its partition grows or its time is over.
struct Waiting {
  Connection* connection;
  std::vector<uint8_t> frame;
  int64_t deadline;
};

class NullBroker {
 public:
  NullBroker(std::string directory, int partitions)
      : directory_(std::move(directory)), partitions_(partitions) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0) fail_errno("bind");
    ::listen(listener_, SOMAXCONN);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    watch(EPOLL_CTL_ADD, listener_, nullptr, EPOLLIN);
    std::printf("ready kafka=127.0.0.1:%d\n", port_);
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count =
          ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), next_deadline_ms());
      for (int i = 0; i < count; ++i) {
        auto* connection = static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
        if (connection == nullptr) {
          accept_one();
          continue;
        }
        if ((events[static_cast<size_t>(i)].events & EPOLLOUT) != 0) flush(*connection);
        if ((events[static_cast<size_t>(i)].events & (EPOLLIN | EPOLLHUP)) != 0) read_some(*connection);
      }
      look_at_waiting();
    }
  }

 private:
  void watch(int how, int fd, Connection* connection, uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.ptr = connection;
    ::epoll_ctl(epoll_, how, fd, &event);
  }

  void accept_one() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    connection->in.resize(128 * 1024);
    watch(EPOLL_CTL_ADD, fd, connection.get(), EPOLLIN);
    connections_[fd] = std::move(connection);
  }

  void read_some(Connection& connection) {
    auto& in = connection.in;
    const ssize_t count =
        ::read(connection.fd, in.data() + connection.received, in.size() - connection.received);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      std::erase_if(waiting_, [&](const Waiting& one) { return one.connection == &connection; });
      ::close(connection.fd);
      connections_.erase(connection.fd);
      return;
    }
    connection.received += static_cast<size_t>(count);
    size_t at = 0;
    size_t wanted = 0;
    while (connection.received - at >= 4) {
      const std::span<uint8_t> rest = std::span(in).subspan(at, connection.received - at);
      wanted = 4 + static_cast<size_t>(Reader(rest).int32());
      if (rest.size() < wanted) break;
      handle(connection, rest.subspan(4, wanted - 4), false);
      at += wanted;
    }
    connection.received -= at;
    std::copy(in.begin() + static_cast<ptrdiff_t>(at),
              in.begin() + static_cast<ptrdiff_t>(at + connection.received), in.begin());
    if (wanted > in.size()) in.resize(wanted);
    if (!connection.blocked) flush(connection);
  }

  // False where a Fetch found nothing and does not `insist`: it waits.
  bool handle(Connection& connection, std::span<uint8_t> frame, bool insist) {
    Reader reader(frame);
    const auto key = static_cast<ApiKey>(reader.int16());
    const int16_t version = reader.int16();
    const int32_t correlation_id = reader.int32();
    reader.nullable_string();
    if (protocol::request_header_version(key, version) >= 2) reader.unsigned_varint();
    if (key == ApiKey::kFetch) return fetch(connection, frame, reader, version, correlation_id, insist);
    const size_t mark = connection.out.begin_frame();
    connection.out.int32(correlation_id);
    if (key == ApiKey::kProduce) {
      produce(frame, reader, version, connection.out);
    } else if (key == ApiKey::kMetadata) {
      metadata(reader, version, connection.out);
    } else if (key == ApiKey::kApiVersions) {
      api_versions(version, connection.out);
    } else {
      fail("an API that the null broker does not know");
    }
    connection.out.end_frame(mark);
    return true;
  }

  void produce(std::span<uint8_t> frame, Reader& reader, int16_t version, Writer& out) {
    reader.nullable_string();
    reader.int16();
    reader.int32();
    const int32_t topics = reader.int32();
    out.int32(topics);
    for (int32_t t = 0; t < topics; ++t) {
      const std::string_view topic = reader.string();
      const int32_t partitions = reader.int32();
      out.string(topic);
      out.int32(partitions);
      for (int32_t p = 0; p < partitions; ++p) {
        const int32_t index = reader.int32();
        const Bytes records = reader.bytes();
        if (!reader.ok()) fail("a Produce request that can not be read");
        Log& log = log_of(topic, index);
        out.int32(index);
        out.int16(0);
        out.int64(log.end_offset);
        out.int64(-1);
        if (version >= 5) out.int64(0);
        append(log, frame.subspan(static_cast<size_t>(records.data() - frame.data()), records.size()));
      }
    }
    out.int32(0);
  }

  void append(Log& log, std::span<uint8_t> bytes) {
    records::BatchWalker walker(bytes);
    const auto batch = walker.next();
    if (!batch || !records::RecordBatchView(*batch).crc_is_valid()) fail("a batch that is damaged");
    records::RecordBatchEditor editor(bytes);
    editor.set_base_offset(log.end_offset);
    editor.set_partition_leader_epoch(0);
    if (::pwrite(log.fd, bytes.data(), bytes.size(), static_cast<off_t>(log.size)) !=
        static_cast<ssize_t>(bytes.size())) {
      fail_errno("append");
    }
    log.batches.push_back({log.end_offset, log.size});
    log.size += bytes.size();
    log.end_offset = editor.view().next_offset();
    grown_ = true;
  }

  bool fetch(Connection& connection, std::span<uint8_t> frame, Reader& reader, int16_t version,
             int32_t correlation_id, bool insist) {
    protocol::FetchRequest request;
    request.decode(reader, version);
    const auto& topic = request.topics.at(0);
    const auto& partition = topic.partitions.at(0);
    Log& log = log_of(topic.topic, partition.partition);
    const auto after =
        std::upper_bound(log.batches.begin(), log.batches.end(), partition.fetch_offset,
                         [](int64_t offset, const Batch& one) { return offset < one.base_offset; });
    size_t length = 0;
    uint64_t position = log.size;
    if (partition.fetch_offset < log.end_offset && after != log.batches.begin()) {
      position = std::prev(after)->position;
      length = std::min<size_t>(log.size - position, static_cast<size_t>(partition.partition_max_bytes));
    }
    if (length == 0 && !insist && request.max_wait_ms > 0) {
      waiting_.push_back(
          {&connection, {frame.begin(), frame.end()}, now_ns() + request.max_wait_ms * int64_t{1'000'000}});
      return false;
    }
    Writer& out = connection.out;
    const size_t mark = out.buffer().size();
    out.int32(0);
    out.int32(correlation_id);
    out.int32(0);
    if (version >= 7) out.int16(0), out.int32(0);
    out.int32(1);
    out.string(topic.topic);
    out.int32(1);
    out.int32(partition.partition);
    out.int16(0);
    out.int64(log.end_offset);
    out.int64(log.end_offset);
    if (version >= 5) out.int64(0);
    out.int32(-1);
    if (version >= 11) out.int32(-1);
    out.int32(static_cast<int32_t>(length));
    out.patch_int32(mark, static_cast<int32_t>(out.buffer().size() - mark - 4 + length));
    if (length == 0) return true;
    Piece piece;
    piece.bytes.assign(out.buffer().begin(), out.buffer().end());
    piece.sent = connection.pieces.empty() ? connection.sent : 0;
    connection.sent = 0;
    piece.file = log.fd;
    piece.position = static_cast<off_t>(position);
    piece.length = length;
    connection.pieces.push_back(std::move(piece));
    out.clear();
    return true;
  }

  void metadata(Reader& reader, int16_t version, Writer& out) {
    protocol::MetadataRequest request;
    request.decode(reader, version);
    protocol::MetadataResponse response;
    auto& broker = response.brokers.emplace_back();
    broker.host = "127.0.0.1";
    broker.port = port_;
    response.controller_id = 0;
    response.cluster_id = "null";
    if (request.topics) {
      for (const auto& asked : *request.topics) {
        auto& topic = response.topics.emplace_back();
        topic.name = asked.name;
        for (int32_t i = 0; i < partitions_; ++i) {
          auto& partition = topic.partitions.emplace_back();
          partition.partition_index = i;
          partition.replica_nodes = {0};
          partition.isr_nodes = {0};
        }
      }
    }
    response.encode(out, version);
  }

  void api_versions(int16_t version, Writer& out) {
    protocol::ApiVersionsResponse response;
    for (const auto& [key, low, high] :
         {std::array<int16_t, 3>{0, 3, 7}, {1, 4, 11}, {3, 0, 4}, {18, 0, 3}}) {
      auto& api = response.api_keys.emplace_back();
      api.api_key = key;
      api.min_version = low;
      api.max_version = high;
    }
    response.encode(out, version);
  }

  Log& log_of(std::string_view topic, int32_t partition) {
    auto found = topics_.find(topic);
    if (found == topics_.end()) {
      found = topics_.emplace(std::string(topic), std::vector<Log>(static_cast<size_t>(partitions_))).first;
    }
    Log& log = found->second.at(static_cast<size_t>(partition));
    if (log.fd < 0) {
      const std::string path = directory_ + "/" + found->first + "-" + std::to_string(partition);
      log.fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_TRUNC, 0644);
      if (log.fd < 0) fail_errno("open " + path);
    }
    return log;
  }

  void flush(Connection& connection) {
    bool more = true;
    while (more && !connection.pieces.empty()) {
      more = flush_piece(connection.fd, connection.pieces.front());
      if (more) connection.pieces.pop_front();
    }
    const Bytes rest = connection.out.buffer().subspan(connection.sent);
    if (more && !rest.empty()) {
      const ssize_t count = ::send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) connection.sent += static_cast<size_t>(count);
      more = count == static_cast<ssize_t>(rest.size());
    }
    if (connection.sent == connection.out.buffer().size()) {
      connection.out.clear();
      connection.sent = 0;
    }
    if (more == connection.blocked) {
      connection.blocked = !more;
      watch(EPOLL_CTL_MOD, connection.fd, &connection, more ? EPOLLIN : EPOLLIN | EPOLLOUT);
    }
  }

  // Whether all of it went.
  static bool flush_piece(int fd, Piece& piece) {
    if (piece.sent < piece.bytes.size()) {
      const ssize_t count = ::send(fd, piece.bytes.data() + piece.sent, piece.bytes.size() - piece.sent,
                                   MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
      if (count > 0) piece.sent += static_cast<size_t>(count);
      if (piece.sent < piece.bytes.size()) return false;
    }
    while (piece.length > 0) {
      const ssize_t count = ::sendfile(fd, piece.file, &piece.position, piece.length);
      if (count <= 0) return false;
      piece.length -= static_cast<size_t>(count);
    }
    return true;
  }

  int next_deadline_ms() const {
    int64_t first = INT64_MAX;
    for (const Waiting& one : waiting_) first = std::min(first, one.deadline);
    if (first == INT64_MAX) return -1;
    return static_cast<int>(std::max<int64_t>(0, (first - now_ns()) / 1'000'000 + 1));
  }

  void look_at_waiting() {
    if (waiting_.empty()) return;
    const int64_t now = now_ns();
    const bool grown = std::exchange(grown_, false);
    std::vector<Waiting> looked_at;
    looked_at.swap(waiting_);
    for (Waiting& one : looked_at) {
      if (!grown && one.deadline > now) {
        waiting_.push_back(std::move(one));
      } else if (handle(*one.connection, one.frame, one.deadline <= now)) {
        flush(*one.connection);
      }
    }
  }

  std::string directory_;
  int partitions_;
  int listener_ = -1;
  int epoll_ = -1;
  int port_ = 0;
  std::map<int, std::unique_ptr<Connection>> connections_;
  std::map<std::string, std::vector<Log>, std::less<>> topics_;
  std::vector<Waiting> waiting_;
  bool grown_ = false;
};

}  // namespace
}  // namespace ottla::load

int main(int argc, char** argv) {
  if (argc != 3) ottla::load::fail("usage: null_broker DIRECTORY PARTITIONS");
  std::signal(SIGPIPE, SIG_IGN);
  ottla::load::NullBroker(argv[1], std::atoi(argv[2])).run();
}

// SPDX-License-Identifier: Apache-2.0
// TLS between buffers: what the peer sent goes in, what is to be sent comes out. Sockets are elsewhere
// (broker/net/socket.h), so that every port and every client can have it. OpenSSL underneath; nothing of it
// is initialized before the first Context is made.
//
// The way of a session: receive() what the socket read, then read() until it gives nothing; write() what is
// to be sent once established(); take_output() into the socket whenever has_output(), also during the
// handshake, which receive() drives.
//
// Threads: a Context may be shared by threads, a Session belongs to one.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/wire/reader.h"

namespace ottla::tls {

// A file with keys or certificates, named as programs in Java name them.
struct Store {
  std::string path;      // empty: none
  std::string password;  // empty: none
  // "PEM", "PKCS12" or "JKS"; empty: by the end of the file's name (.pem, .p12, .pfx, .jks). Java's keytool
  // writes PKCS12 under all of these names, so what is in the file decides between the last two. The old
  // format of JKS itself is refused, with the command that converts it.
  std::string type;
};

enum class ClientAuth { kNone, kWant, kNeed };

struct Settings {
  Store key_store;           // a key and its certificates; a server must have one
  std::string key_password;  // of the key; empty: the store's
  Store trust_store;         // who may sign the peer's certificate; empty: the system's authorities
  // "TLSv1.2", "TLSv1.3" (and older); empty: those two.
  std::vector<std::string> protocols;
  // By their names in Java (IANA's) or OpenSSL's; empty: OpenSSL's choice.
  std::vector<std::string> ciphers;
  ClientAuth client_auth = ClientAuth::kNeed;  // of a server
  bool verify_host = true;  // of a client: the certificate must be for the name that was dialled
};

class Session;

class Context {
 public:
  // INVALID_CONFIG with the file's name and what is wrong with it.
  static Result<std::shared_ptr<const Context>> for_server(const Settings& settings);
  static Result<std::shared_ptr<const Context>> for_client(const Settings& settings);
  ~Context();
  Context(const Context&) = delete;

  // Of a server.
  std::unique_ptr<Session> accept() const;
  // Of a client: `host` is the name or address that was dialled.
  std::unique_ptr<Session> connect(const std::string& host) const;

 private:
  friend class Session;
  struct Library;
  explicit Context(std::unique_ptr<Library> library);
  std::unique_ptr<Library> library_;
};

class Session {
 public:
  ~Session();
  Session(const Session&) = delete;

  // From the peer. An error ends the connection, with what it says in the log; what is in take_output() then
  // tells the peer.
  Status receive(Bytes encrypted);
  // How many bytes went into `out`; 0: no more until the next receive().
  size_t read(std::span<uint8_t> out);
  // REQUIRES: established().
  void write(Bytes plain);
  // Tells the peer that nothing comes after what was written.
  void finish();

  bool has_output() const;
  size_t output_size() const;
  size_t take_output(std::span<uint8_t> out);

  // Both sides know the keys, and the certificates that had to be were good.
  bool established() const { return established_; }
  // The peer has said that it sends nothing more.
  bool finished_by_peer() const { return finished_by_peer_; }
  // The subject of the peer's certificate as Java's X500Principal.getName() gives it ("CN=a,O=b"); empty
  // where it showed none.
  std::string peer_name() const;

 private:
  friend class Context;
  struct Library;
  explicit Session(std::unique_ptr<Library> library);
  Status shake_hands();

  std::unique_ptr<Library> library_;
  bool established_ = false;
  bool finished_by_peer_ = false;
};

// Whether a connection's first byte is that of TLS and not of a length-prefixed frame.
inline bool looks_like_tls(uint8_t first_byte) { return first_byte == 0x16; }

}  // namespace ottla::tls

// SPDX-License-Identifier: Apache-2.0
#include "protocol/tls/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/tls/stores.h"

namespace ottla::tls {
namespace {

struct Protocol {
  const char* name;
  int version;
};
constexpr Protocol kProtocols[] = {{"TLSv1", TLS1_VERSION},
                                   {"TLSv1.1", TLS1_1_VERSION},
                                   {"TLSv1.2", TLS1_2_VERSION},
                                   {"TLSv1.3", TLS1_3_VERSION}};

Status set_protocols(SSL_CTX* context, const std::vector<std::string>& names) {
  int lowest = TLS1_2_VERSION, highest = TLS1_3_VERSION;
  if (!names.empty()) lowest = INT32_MAX, highest = 0;
  for (const std::string& name : names) {
    const auto* known = std::find_if(std::begin(kProtocols), std::end(kProtocols),
                                     [&](const Protocol& one) { return name == one.name; });
    if (known == std::end(kProtocols))
      return {ErrorCode::INVALID_CONFIG,
              "TLS: there is no protocol " + name + " here; TLSv1.2 and TLSv1.3 are"};
    lowest = std::min(lowest, known->version);
    highest = std::max(highest, known->version);
  }
  SSL_CTX_set_min_proto_version(context, lowest);
  SSL_CTX_set_max_proto_version(context, highest);
  return {};
}

// Java's names are IANA's; OpenSSL finds its own for them, and keeps those of TLS 1.3 apart.
Status set_ciphers(SSL_CTX* context, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string older, newer;
  for (const std::string& name : names) {
    const char* own = OPENSSL_cipher_name(name.c_str());
    const bool found = own != nullptr && std::string_view(own) != "(NONE)";
    // The names of 1.3 begin alike and name no exchange of keys.
    const bool is_newer = name.starts_with("TLS_") && name.find("_WITH_") == std::string::npos;
    std::string& list = is_newer ? newer : older;
    list += (list.empty() ? "" : ":") + (found && !is_newer ? std::string(own) : name);
  }
  const bool taken = (older.empty() || SSL_CTX_set_cipher_list(context, older.c_str()) == 1) &&
                     (newer.empty() || SSL_CTX_set_ciphersuites(context, newer.c_str()) == 1);
  if (!taken)
    return {ErrorCode::INVALID_CONFIG, "TLS: none of the cipher suites exists here: " + library_error()};
  return {};
}

// The attributes that Java's RFC 2253 names; others are written as their number and bytes.
struct Attribute {
  int nid;
  const char* keyword;
};
constexpr Attribute kAttributes[] = {
    {NID_commonName, "CN"},          {NID_countryName, "C"},      {NID_localityName, "L"},
    {NID_stateOrProvinceName, "ST"}, {NID_organizationName, "O"}, {NID_organizationalUnitName, "OU"},
    {NID_streetAddress, "STREET"},   {NID_domainComponent, "DC"}, {NID_userId, "UID"}};

std::string attribute_text(const X509_NAME_ENTRY* entry) {
  ASN1_OBJECT* object = X509_NAME_ENTRY_get_object(entry);
  ASN1_STRING* value = X509_NAME_ENTRY_get_data(entry);
  const auto* known = std::find_if(std::begin(kAttributes), std::end(kAttributes),
                                   [&](const Attribute& one) { return one.nid == OBJ_obj2nid(object); });
  std::array<char, 128> number{};
  OBJ_obj2txt(number.data(), number.size(), object, 1);
  unsigned long flags = ASN1_STRFLGS_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  if (known == std::end(kAttributes)) flags |= ASN1_STRFLGS_DUMP_ALL | ASN1_STRFLGS_DUMP_DER;
  BIO* out = BIO_new(BIO_s_mem());
  ASN1_STRING_print_ex(out, value, flags);
  char* data = nullptr;
  const long length = BIO_get_mem_data(out, &data);
  std::string text = known == std::end(kAttributes) ? number.data() : known->keyword;
  text += '=';
  text.append(data, static_cast<size_t>(length));
  BIO_free(out);
  return text;
}

// The last part of the name comes first.
std::string subject_text(const X509_NAME* name) {
  std::string text;
  int previous_set = -1;
  for (int i = X509_NAME_entry_count(name) - 1; i >= 0; --i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int set = X509_NAME_ENTRY_set(entry);
    if (!text.empty()) text += set == previous_set ? '+' : ',';
    text += attribute_text(entry);
    previous_set = set;
  }
  return text;
}

bool is_address(const std::string& host) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
  ASN1_OCTET_STRING_free(address);
  ERR_clear_error();
  return address != nullptr;
}

}  // namespace

struct Context::Library {
  ~Library() { SSL_CTX_free(context); }
  SSL_CTX* context = nullptr;
  bool verify_host = false;
};

struct Session::Library {
  ~Library() { SSL_free(ssl); }
  SSL* ssl = nullptr;
  BIO* in = nullptr;   // from the peer; the session owns both
  BIO* out = nullptr;  // to the peer
};

Context::Context(std::unique_ptr<Library> library) : library_(std::move(library)) {}
Context::~Context() = default;

namespace {

Status prepare(SSL_CTX* context, const Settings& settings) {
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  for (const Status& status :
       {set_protocols(context, settings.protocols), set_ciphers(context, settings.ciphers)}) {
    if (!status.ok()) return status;
  }
  if (!settings.key_store.path.empty()) {
    Status loaded = load_key_store(context, settings.key_store, settings.key_password);
    if (!loaded.ok()) return loaded;
  }
  if (!settings.trust_store.path.empty()) return load_trust_store(context, settings.trust_store);
  SSL_CTX_set_default_verify_paths(context);
  return {};
}

}  // namespace

Result<std::shared_ptr<const Context>> Context::for_server(const Settings& settings) {
  if (settings.key_store.path.empty())
    return Status(ErrorCode::INVALID_CONFIG, "TLS: a server needs a key store with its key and certificate");
  auto library = std::make_unique<Library>();
  library->context = SSL_CTX_new(TLS_server_method());
  Status prepared = prepare(library->context, settings);
  if (!prepared.ok()) return prepared;
  int verify = SSL_VERIFY_NONE;
  if (settings.client_auth == ClientAuth::kWant) verify = SSL_VERIFY_PEER;
  if (settings.client_auth == ClientAuth::kNeed) verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(library->context, verify, nullptr);
  static constexpr std::string_view kResumptionContext = "ottla";
  SSL_CTX_set_session_id_context(library->context,
                                 reinterpret_cast<const uint8_t*>(kResumptionContext.data()),
                                 static_cast<unsigned>(kResumptionContext.size()));
  return std::shared_ptr<const Context>(new Context(std::move(library)));
}

Result<std::shared_ptr<const Context>> Context::for_client(const Settings& settings) {
  auto library = std::make_unique<Library>();
  library->context = SSL_CTX_new(TLS_client_method());
  library->verify_host = settings.verify_host;
  Status prepared = prepare(library->context, settings);
  if (!prepared.ok()) return prepared;
  SSL_CTX_set_verify(library->context, SSL_VERIFY_PEER, nullptr);
  return std::shared_ptr<const Context>(new Context(std::move(library)));
}

namespace {

template <typename Library>
std::unique_ptr<Library> new_session(SSL_CTX* context) {
  auto library = std::make_unique<Library>();
  library->ssl = SSL_new(context);
  library->in = BIO_new(BIO_s_mem());
  library->out = BIO_new(BIO_s_mem());
  OTTLA_CHECK(library->ssl != nullptr && library->in != nullptr && library->out != nullptr);
  // Empty means "later", not the end.
  BIO_set_mem_eof_return(library->in, -1);
  BIO_set_mem_eof_return(library->out, -1);
  SSL_set_bio(library->ssl, library->in, library->out);
  return library;
}

}  // namespace

std::unique_ptr<Session> Context::accept() const {
  auto library = new_session<Session::Library>(library_->context);
  SSL_set_accept_state(library->ssl);
  return std::unique_ptr<Session>(new Session(std::move(library)));
}

std::unique_ptr<Session> Context::connect(const std::string& host) const {
  auto library = new_session<Session::Library>(library_->context);
  SSL_set_connect_state(library->ssl);
  X509_VERIFY_PARAM* verify = SSL_get0_param(library->ssl);
  if (is_address(host)) {
    if (library_->verify_host) X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str());
  } else {
    SSL_set_tlsext_host_name(library->ssl, host.c_str());
    if (library_->verify_host) X509_VERIFY_PARAM_set1_host(verify, host.c_str(), host.size());
  }
  std::unique_ptr<Session> session(new Session(std::move(library)));
  // The first word is the client's.
  static_cast<void>(session->shake_hands());
  return session;
}

Session::Session(std::unique_ptr<Library> library) : library_(std::move(library)) {}
Session::~Session() = default;

Status Session::shake_hands() {
  const int done = SSL_do_handshake(library_->ssl);
  if (done == 1) {
    established_ = true;
    return {};
  }
  const int why = SSL_get_error(library_->ssl, done);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
    ERR_clear_error();
    return {};
  }
  const long verified = SSL_get_verify_result(library_->ssl);
  std::string reason = library_error();
  if (verified != X509_V_OK) reason += fmt::format(" ({})", X509_verify_cert_error_string(verified));
  return {ErrorCode::NETWORK_EXCEPTION, "the TLS handshake failed: " + reason};
}

Status Session::receive(Bytes encrypted) {
  while (!encrypted.empty()) {
    const int taken = BIO_write(library_->in, encrypted.data(),
                                static_cast<int>(std::min<size_t>(encrypted.size(), 1 << 30)));
    OTTLA_CHECK(taken > 0);
    encrypted = encrypted.subspan(static_cast<size_t>(taken));
  }
  return established_ ? Status() : shake_hands();
}

size_t Session::read(std::span<uint8_t> out) {
  if (!established_ || out.empty()) return 0;
  const int count =
      SSL_read(library_->ssl, out.data(), static_cast<int>(std::min<size_t>(out.size(), 1 << 30)));
  if (count > 0) return static_cast<size_t>(count);
  const int why = SSL_get_error(library_->ssl, count);
  ERR_clear_error();
  // A record that does not decrypt is treated as the peer's end: nothing that follows can be believed.
  finished_by_peer_ = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
  return 0;
}

void Session::write(Bytes plain) {
  OTTLA_CHECK(established_);
  while (!plain.empty()) {
    const int count =
        SSL_write(library_->ssl, plain.data(), static_cast<int>(std::min<size_t>(plain.size(), 1 << 30)));
    if (count <= 0) {
      // Only after the connection has been found broken.
      ERR_clear_error();
      finished_by_peer_ = true;
      return;
    }
    plain = plain.subspan(static_cast<size_t>(count));
  }
}

void Session::finish() {
  if (established_) SSL_shutdown(library_->ssl);
  ERR_clear_error();
}

bool Session::has_output() const { return BIO_pending(library_->out) > 0; }
size_t Session::output_size() const { return static_cast<size_t>(BIO_pending(library_->out)); }

size_t Session::take_output(std::span<uint8_t> out) {
  if (out.empty()) return 0;
  const int count =
      BIO_read(library_->out, out.data(), static_cast<int>(std::min<size_t>(out.size(), 1 << 30)));
  return count > 0 ? static_cast<size_t>(count) : 0;
}

std::string Session::peer_name() const {
  const X509* certificate = SSL_get0_peer_certificate(library_->ssl);
  return certificate == nullptr ? "" : subject_text(X509_get_subject_name(certificate));
}

}  // namespace ottla::tls

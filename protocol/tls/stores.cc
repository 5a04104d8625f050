// SPDX-License-Identifier: Apache-2.0
#include "protocol/tls/stores.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

namespace ottla::tls {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using File = std::unique_ptr<FILE, Freed<fclose>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Pkcs12 = std::unique_ptr<PKCS12, Freed<PKCS12_free>>;

// What a store holds.
struct Contents {
  Key key;
  std::vector<Certificate> certificates;  // the key's own first
};

Status wrong(const Store& store, const std::string& why) {
  return {ErrorCode::INVALID_CONFIG, store.path + ": " + why};
}

Result<std::string> read_file(const Store& store) {
  const File file(std::fopen(store.path.c_str(), "rb"));
  if (file == nullptr) return wrong(store, std::strerror(errno));
  std::string bytes;
  char chunk[16384];
  for (size_t count; (count = std::fread(chunk, 1, sizeof chunk, file.get())) > 0;)
    bytes.append(chunk, count);
  if (std::ferror(file.get()) != 0) return wrong(store, "cannot be read");
  return bytes;
}

Bio bio_over(const std::string& bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

int give_password(char* out, int size, int, void* context) {
  const auto& password = *static_cast<const std::string*>(context);
  const size_t length = std::min(password.size(), static_cast<size_t>(size));
  std::memcpy(out, password.data(), length);
  return static_cast<int>(length);
}

Result<Contents> read_pem(const Store& store, const std::string& bytes, const std::string& password) {
  Contents contents;
  const Bio certificates = bio_over(bytes);
  while (X509* one = PEM_read_bio_X509_AUX(certificates.get(), nullptr, give_password, nullptr))
    contents.certificates.emplace_back(one);
  ERR_clear_error();
  if (bytes.find("PRIVATE KEY-----") == std::string::npos) return contents;
  std::string secret = password;
  contents.key.reset(PEM_read_bio_PrivateKey(bio_over(bytes).get(), nullptr, give_password, &secret));
  if (contents.key == nullptr) return wrong(store, "its key cannot be read: " + library_error());
  return contents;
}

Result<Contents> unpack(const Store& store, PKCS12* pkcs12) {
  EVP_PKEY* key = nullptr;
  X509* own = nullptr;
  STACK_OF(X509)* others = nullptr;
  if (PKCS12_parse(pkcs12, store.password.c_str(), &key, &own, &others) != 1)
    return wrong(store, "cannot be unpacked: " + library_error());
  Contents contents;
  contents.key.reset(key);
  if (own != nullptr) contents.certificates.emplace_back(own);
  for (int i = 0; i < sk_X509_num(others); ++i) contents.certificates.emplace_back(sk_X509_value(others, i));
  sk_X509_free(others);
  return contents;
}

Result<Contents> read_pkcs12(const Store& store, const std::string& bytes) {
  const Pkcs12 pkcs12(d2i_PKCS12_bio(bio_over(bytes).get(), nullptr));
  if (pkcs12 == nullptr) return wrong(store, "is no PKCS12 store");
  if (PKCS12_verify_mac(pkcs12.get(), store.password.c_str(), -1) != 1) {
    ERR_clear_error();
    return wrong(store, "the password is wrong, or the file is damaged");
  }
  auto contents = unpack(store, pkcs12.get());
  if (contents.ok()) return contents;
  // Java 8 encrypted with what OpenSSL 3 keeps apart.
  if (OSSL_PROVIDER_try_load(nullptr, "legacy", 1) == nullptr) return contents;
  return unpack(store, pkcs12.get());
}

bool ends_with(const std::string& path, const char* end) {
  const size_t length = std::strlen(end);
  return path.size() >= length && strcasecmp(path.c_str() + path.size() - length, end) == 0;
}

Result<Contents> read_store(const Store& store, const std::string& key_password) {
  auto bytes = read_file(store);
  if (!bytes.ok()) return bytes.status();
  const bool known = store.type.empty() || strcasecmp(store.type.c_str(), "PEM") == 0 ||
                     strcasecmp(store.type.c_str(), "PKCS12") == 0 ||
                     strcasecmp(store.type.c_str(), "JKS") == 0;
  if (!known) return wrong(store, "stores of type " + store.type + " cannot be read: PEM and PKCS12 can");
  if (bytes->starts_with("\xfe\xed\xfe\xed")) {
    return wrong(
        store,
        fmt::format(
            "is in Java's old JKS format, which cannot be read here. Convert it: keytool -importkeystore "
            "-srckeystore {} -destkeystore {}.p12 -deststoretype pkcs12",
            store.path, store.path));
  }
  const bool pem = store.type.empty()
                       ? ends_with(store.path, ".pem") || bytes->find("-----BEGIN ") != std::string::npos
                       : strcasecmp(store.type.c_str(), "PEM") == 0;
  if (pem) return read_pem(store, *bytes, key_password.empty() ? store.password : key_password);
  return read_pkcs12(store, *bytes);
}

}  // namespace

std::string library_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : fmt::format("error {:#x}", code);
}

Status load_key_store(SSL_CTX* context, const Store& store, const std::string& key_password) {
  auto contents = read_store(store, key_password);
  if (!contents.ok()) return contents.status();
  if (contents->key == nullptr) return wrong(store, "holds no private key");
  // In a PEM file the key's certificate may stand anywhere.
  auto& certificates = contents->certificates;
  const auto own = std::find_if(certificates.begin(), certificates.end(), [&](const Certificate& one) {
    return X509_check_private_key(one.get(), contents->key.get()) == 1;
  });
  ERR_clear_error();
  if (own == certificates.end()) return wrong(store, "holds no certificate for its key");
  const bool taken = SSL_CTX_use_certificate(context, own->get()) == 1 &&
                     SSL_CTX_use_PrivateKey(context, contents->key.get()) == 1;
  if (!taken) return wrong(store, library_error());
  for (auto one = certificates.begin(); one != certificates.end(); ++one) {
    if (one != own && SSL_CTX_add1_chain_cert(context, one->get()) != 1) return wrong(store, library_error());
  }
  return {};
}

Status load_trust_store(SSL_CTX* context, const Store& store) {
  auto contents = read_store(store, "");
  if (!contents.ok()) return contents.status();
  if (contents->certificates.empty()) return wrong(store, "holds no certificate");
  X509_STORE* trusted = SSL_CTX_get_cert_store(context);
  for (const Certificate& one : contents->certificates) {
    if (X509_STORE_add_cert(trusted, one.get()) != 1 || SSL_CTX_add_client_CA(context, one.get()) != 1)
      return wrong(store, library_error());
  }
  // As in Java, a certificate is believed that stands there itself, whoever signed it.
  X509_STORE_set_flags(trusted, X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

}  // namespace ottla::tls

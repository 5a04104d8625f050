// SPDX-License-Identifier: Apache-2.0
// Keys and certificates for tests, made when they are asked for, and written in the formats of stores.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>

namespace ottla::tls {

// A key with a certificate signed by `signer`, or by itself.
class TestCertificate {
 public:
  // `subject`: "CN=a,O=b", the order of the certificate. `host`: a subjectAltName, an address or a name;
  // empty: none.
  explicit TestCertificate(const std::string& subject, const std::string& host = "",
                           const TestCertificate* signer = nullptr);
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;

  // With the key (encrypted where there is a password), or the certificate alone.
  std::string pem(const std::string& password = "") const;
  std::string certificate_pem() const;
  // A key store as keytool writes it.
  std::string pkcs12(const std::string& password) const;
  // A trust store as keytool writes it: no key.
  std::string pkcs12_of_certificate(const std::string& password) const;

 private:
  EVP_PKEY* key_;
  X509* certificate_;
};

// A folder that is removed with what is in it.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  // Writes a file; its path.
  std::string write(const std::string& name, const std::string& bytes) const;

 private:
  std::string path_;
};

}  // namespace ottla::tls

// SPDX-License-Identifier: Apache-2.0
#include "tests/tls/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "protocol/base/status.h"

namespace ottla::tls {
namespace {

std::string taken_from(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  std::string bytes(data, static_cast<size_t>(length));
  BIO_free(bio);
  return bytes;
}

void add_subject(X509_NAME* name, const std::string& subject) {
  for (size_t start = 0; start < subject.size();) {
    const size_t end = std::min(subject.find(',', start), subject.size());
    const std::string part = subject.substr(start, end - start);
    const size_t equals = part.find('=');
    OTTLA_CHECK(X509_NAME_add_entry_by_txt(name, part.substr(0, equals).c_str(), MBSTRING_UTF8,
                                           reinterpret_cast<const uint8_t*>(part.c_str() + equals + 1), -1,
                                           -1, 0) == 1);
    start = end + 1;
  }
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  OTTLA_CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

std::string packed(EVP_PKEY* key, X509* certificate, STACK_OF(X509) * others, const std::string& password) {
  PKCS12* pkcs12 = PKCS12_create(password.c_str(), "entry", key, certificate, others, 0, 0, 0, 0, 0);
  OTTLA_CHECK(pkcs12 != nullptr);
  BIO* bio = BIO_new(BIO_s_mem());
  i2d_PKCS12_bio(bio, pkcs12);
  PKCS12_free(pkcs12);
  return taken_from(bio);
}

}  // namespace

TestCertificate::TestCertificate(const std::string& subject, const std::string& host,
                                 const TestCertificate* signer)
    : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
  static long serial = 1;
  OTTLA_CHECK(key_ != nullptr);
  X509_set_version(certificate_, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate_), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate_), 24 * 3600);
  X509_set_pubkey(certificate_, key_);
  add_subject(X509_get_subject_name(certificate_), subject);
  const TestCertificate& by = signer != nullptr ? *signer : *this;
  X509_set_issuer_name(certificate_, X509_get_subject_name(by.certificate_));
  if (signer == nullptr) add_extension(certificate_, NID_basic_constraints, "critical,CA:TRUE");
  if (!host.empty()) {
    const bool address = host.find_first_not_of("0123456789.") == std::string::npos;
    add_extension(certificate_, NID_subject_alt_name, (address ? "IP:" : "DNS:") + host);
  }
  OTTLA_CHECK(X509_sign(certificate_, by.key_, EVP_sha256()) > 0);
}

TestCertificate::~TestCertificate() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

std::string TestCertificate::pem(const std::string& password) const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key_, password.empty() ? nullptr : EVP_aes_128_cbc(),
                                password.empty() ? nullptr : password.c_str(),
                                static_cast<int>(password.size()), nullptr, nullptr);
  return certificate_pem() + taken_from(bio);
}

std::string TestCertificate::certificate_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate_);
  return taken_from(bio);
}

std::string TestCertificate::pkcs12(const std::string& password) const {
  return packed(key_, certificate_, nullptr, password);
}

std::string TestCertificate::pkcs12_of_certificate(const std::string& password) const {
  STACK_OF(X509)* others = sk_X509_new_null();
  sk_X509_push(others, certificate_);
  std::string bytes = packed(nullptr, nullptr, others, password);
  sk_X509_free(others);
  return bytes;
}

TestFolder::TestFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "ottla-tls-XXXXXX").string();
  OTTLA_CHECK(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TestFolder::~TestFolder() { std::filesystem::remove_all(path_); }

std::string TestFolder::write(const std::string& name, const std::string& bytes) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace ottla::tls

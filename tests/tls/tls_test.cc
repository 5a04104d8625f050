// SPDX-License-Identifier: Apache-2.0
#include "protocol/tls/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tls/certificates.h"

namespace ottla::tls {
namespace {

using ::testing::HasSubstr;

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class TlsTest : public ::testing::Test {
 protected:
  Store own(const TestCertificate& certificate, const std::string& name = "own.pem") const {
    return {folder.write(name, certificate.pem()), "", ""};
  }
  Store trusting(const TestCertificate& certificate, const std::string& name = "trusted.pem") const {
    return {folder.write(name, certificate.certificate_pem()), "", ""};
  }
  Settings server_settings(ClientAuth client_auth = ClientAuth::kNone) const {
    Settings settings;
    settings.key_store = own(server, "server.pem");
    settings.trust_store = trusting(authority);
    settings.client_auth = client_auth;
    return settings;
  }
  Settings client_settings() const {
    Settings settings;
    settings.trust_store = trusting(authority);
    return settings;
  }

  void open(const Settings& of_server, const Settings& of_client, const std::string& host = "localhost") {
    auto at_server = Context::for_server(of_server);
    ASSERT_TRUE(at_server.ok()) << at_server.status().message();
    auto at_client = Context::for_client(of_client);
    ASSERT_TRUE(at_client.ok()) << at_client.status().message();
    a = (*at_client)->connect(host);
    b = (*at_server)->accept();
  }
  // Carries what both have to say, `step` bytes at a time, until nobody has anything.
  void talk(size_t step = 100'000) {
    std::vector<uint8_t> chunk(step);
    while (a->has_output() || b->has_output()) {
      for (const auto& [from, to, status] :
           {std::tuple(a.get(), b.get(), &at_b), std::tuple(b.get(), a.get(), &at_a)}) {
        const size_t count = from->take_output(chunk);
        if (count == 0 || !status->ok()) continue;
        *status = to->receive(Bytes(chunk).first(count));
      }
    }
  }
  static std::string read_all(Session& session) {
    std::string text;
    std::vector<uint8_t> chunk(1000);
    while (const size_t count = session.read(chunk))
      text.append(chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(count));
    return text;
  }
  Status refusal(const Settings& settings) const { return Context::for_server(settings).status(); }

  TestFolder folder;
  TestCertificate authority{"O=Ottla,CN=authority"};
  TestCertificate server{"CN=server", "localhost", &authority};
  TestCertificate client{"C=DE,O=Ottla,OU=tests,CN=client", "", &authority};
  std::unique_ptr<Session> a, b;  // the client, the server
  Status at_a, at_b;
};

TEST_F(TlsTest, CarriesBytesBothWaysHoweverTheyAreCut) {
  for (const size_t step : {1u, 7u, 100'000u}) {
    open(server_settings(), client_settings());
    EXPECT_FALSE(a->established());
    talk(step);
    ASSERT_TRUE(a->established() && b->established()) << at_a.message() << at_b.message();
    const std::string much(300'000, 'x');
    a->write(bytes_of("hello"));
    a->write(bytes_of(much));
    b->write(bytes_of("welcome"));
    talk(step);
    EXPECT_EQ(read_all(*b), "hello" + much);
    EXPECT_EQ(read_all(*a), "welcome");
    EXPECT_FALSE(a->finished_by_peer());
    b->finish();
    talk(step);
    EXPECT_EQ(read_all(*a), "");
    EXPECT_TRUE(a->finished_by_peer());
  }
}

TEST_F(TlsTest, NamesTheClientAsJavaDoes) {
  Settings with_certificate = client_settings();
  with_certificate.key_store = own(client);
  open(server_settings(ClientAuth::kNeed), with_certificate);
  talk();
  ASSERT_TRUE(b->established()) << at_b.message();
  EXPECT_EQ(b->peer_name(), "CN=client,OU=tests,O=Ottla,C=DE");
  EXPECT_EQ(a->peer_name(), "CN=server");
}

TEST_F(TlsTest, EscapesAndNumbersPartsOfNamesAsJavaDoes) {
  const TestCertificate odd("O=a+b\u00e4,emailAddress=x@y,CN=one;two", "", &authority);
  Settings with_certificate = client_settings();
  with_certificate.key_store = own(odd);
  open(server_settings(ClientAuth::kNeed), with_certificate);
  talk();
  EXPECT_EQ(b->peer_name(), "CN=one\\;two,1.2.840.113549.1.9.1=#1603784079,O=a\\+b\u00e4");
}

TEST_F(TlsTest, AClientWithoutACertificateIsRefusedOnlyWhereOneIsNeeded) {
  open(server_settings(ClientAuth::kWant), client_settings());
  talk();
  EXPECT_TRUE(b->established());
  EXPECT_EQ(b->peer_name(), "");
  open(server_settings(ClientAuth::kNeed), client_settings());
  talk();
  EXPECT_FALSE(at_b.ok());
  EXPECT_THAT(at_b.message(), HasSubstr("peer did not return a certificate"));
}

TEST_F(TlsTest, ACertificateOfAStrangerIsRefused) {
  const TestCertificate stranger("CN=stranger");
  Settings strange = client_settings();
  strange.key_store = own(stranger);
  open(server_settings(ClientAuth::kWant), strange);
  talk();
  EXPECT_FALSE(at_b.ok());
  EXPECT_FALSE(b->established());

  at_a = at_b = {};
  Settings distrusting;
  distrusting.trust_store = trusting(stranger, "stranger.pem");
  open(server_settings(), distrusting);
  talk();
  EXPECT_THAT(at_a.message(), HasSubstr("certificate verify failed"));
}

TEST_F(TlsTest, TheCertificateMustBeForTheNameThatWasDialled) {
  open(server_settings(), client_settings(), "example.org");
  talk();
  EXPECT_THAT(at_a.message(), HasSubstr("mismatch"));
  at_a = at_b = {};
  Settings careless = client_settings();
  careless.verify_host = false;
  open(server_settings(), careless, "127.0.0.1");
  talk();
  EXPECT_TRUE(a->established()) << at_a.message();
}

TEST_F(TlsTest, AnAddressIsVerifiedAsOne) {
  const TestCertificate by_address("CN=server", "127.0.0.1", &authority);
  Settings settings = server_settings();
  settings.key_store = own(by_address);
  open(settings, client_settings(), "127.0.0.1");
  talk();
  EXPECT_TRUE(a->established()) << at_a.message();
}

TEST_F(TlsTest, StoresOfJavaAreReadWhateverTheyAreNamed) {
  Settings settings;
  settings.key_store = {folder.write("server.jks", server.pkcs12("secret")), "secret", "JKS"};
  settings.trust_store = {folder.write("trusted.p12", authority.pkcs12_of_certificate("secret2")), "secret2",
                          ""};
  settings.client_auth = ClientAuth::kNeed;
  Settings with_certificate = client_settings();
  with_certificate.key_store = {folder.write("locked.pem", client.pem("open sesame")), "open sesame", "PEM"};
  open(settings, with_certificate);
  talk();
  EXPECT_TRUE(b->established()) << at_b.message();
}

TEST_F(TlsTest, WhatIsWrongWithAStoreIsSaid) {
  Settings settings = server_settings();
  settings.key_store = {};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("needs a key store"));
  settings.key_store = {folder.write("x", "") + ".pem", "", ""};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("x.pem: No such file"));
  settings.key_store = trusting(authority);
  EXPECT_THAT(refusal(settings).message(), HasSubstr("holds no private key"));
  settings.key_store = {folder.write("a.p12", server.pkcs12("secret")), "wrong", ""};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("the password is wrong"));
  settings.key_store = {folder.write("b.p12", "no store at all"), "", ""};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("is no PKCS12 store"));
  settings.key_store = {folder.write("c.jks", "\xfe\xed\xfe\xed\x01"), "", ""};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("keytool -importkeystore"));
  settings.key_store = {folder.write("d.pem", server.pem("secret")), "guess", ""};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("its key cannot be read"));
  settings.key_store = {folder.write("e.bks", "x"), "", "BKS"};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("stores of type BKS"));
  settings.key_store = {
      folder.write("f.pem", client.certificate_pem() + server.pem().substr(server.certificate_pem().size())),
      "", ""};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("holds no certificate for its key"));
  settings = server_settings();
  settings.trust_store.path = folder.write("empty.pem", "-----BEGIN NOTHING-----\n");
  EXPECT_THAT(refusal(settings).message(), HasSubstr("holds no certificate"));
}

TEST_F(TlsTest, ProtocolsAndCipherSuitesAreChosenByJavasNames) {
  Settings settings = server_settings();
  settings.protocols = {"TLSv1.2"};
  settings.ciphers = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"};
  open(settings, client_settings());
  talk();
  EXPECT_TRUE(b->established()) << at_b.message();
  Settings newer = client_settings();
  newer.protocols = {"TLSv1.3"};
  newer.ciphers = {"TLS_AES_128_GCM_SHA256"};
  at_a = at_b = {};
  open(settings, newer);
  talk();
  EXPECT_FALSE(a->established());
  open(server_settings(), newer);
  at_a = at_b = {};
  talk();
  EXPECT_TRUE(a->established());
  settings.protocols = {"SSLv3"};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("no protocol SSLv3"));
  settings = server_settings();
  settings.ciphers = {"TLS_NO_SUCH_WITH_CIPHER"};
  EXPECT_THAT(refusal(settings).message(), HasSubstr("none of the cipher suites exists"));
}

TEST_F(TlsTest, GarbageAndTamperingEndTheSession) {
  open(server_settings(), client_settings());
  at_b = b->receive(bytes_of("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(at_b.ok());
  at_b = {};
  open(server_settings(), client_settings());
  talk();
  ASSERT_TRUE(b->established());
  a->write(bytes_of("hello"));
  std::vector<uint8_t> record(10'000);
  record.resize(a->take_output(record));
  record[record.size() / 2] ^= 1;
  ASSERT_TRUE(b->receive(record).ok());
  EXPECT_EQ(read_all(*b), "");
  EXPECT_TRUE(b->finished_by_peer());
}

}  // namespace
}  // namespace ottla::tls

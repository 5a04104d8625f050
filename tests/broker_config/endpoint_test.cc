// SPDX-License-Identifier: Apache-2.0
#include "broker/config/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ottla::config {
namespace {

using testing::HasSubstr;

const ProtocolMap kMap = {{"PLAINTEXT", SecurityProtocol::kPlaintext},
                          {"EXTERNAL", SecurityProtocol::kPlaintext},
                          {"SSL", SecurityProtocol::kSsl}};

std::string round_trip(std::string_view text) {
  const auto endpoints = parse_endpoints(text, kMap, true);
  if (!endpoints.ok()) return endpoints.status().message();
  std::string out;
  for (const Endpoint& endpoint : *endpoints) out += (out.empty() ? "" : ",") + format_endpoint(endpoint);
  return out;
}

TEST(Endpoint, HostsMayBeNamesAddressesOrEmpty) {
  EXPECT_EQ(round_trip("PLAINTEXT://:9092"), "PLAINTEXT://:9092");
  EXPECT_EQ(round_trip("PLAINTEXT://127.0.0.1:0"), "PLAINTEXT://127.0.0.1:0");
  EXPECT_EQ(round_trip("PLAINTEXT://[::1]:9092"), "PLAINTEXT://[::1]:9092");
  EXPECT_EQ(round_trip("PLAINTEXT://a-b.example_1:9092"), "PLAINTEXT://a-b.example_1:9092");
}

TEST(Endpoint, SeveralAreSeparatedByCommasAndNamesBecomeUpperCase) {
  EXPECT_EQ(round_trip("plaintext://:1 , external://h:2"), "PLAINTEXT://:1,EXTERNAL://h:2");
}

TEST(Endpoint, WhatIsNoEndpointIsNamed) {
  EXPECT_THAT(round_trip("localhost:9092"), HasSubstr("Unable to parse localhost:9092 to a broker endpoint"));
  EXPECT_THAT(round_trip("PLAINTEXT://localhost"), HasSubstr("Unable to parse PLAINTEXT://localhost"));
  EXPECT_THAT(round_trip("PLAINTEXT://localhost:"), HasSubstr("the port must be a number"));
  EXPECT_THAT(round_trip("PLAINTEXT://localhost:70000"), HasSubstr("from 0 to 65535, not 70000"));
  EXPECT_THAT(round_trip("PLAINTEXT://localhost:-1"), HasSubstr("from 0 to 65535"));
  EXPECT_THAT(round_trip("PLAINTEXT://lo cal:1"), HasSubstr("not a host name"));
}

TEST(Endpoint, AListenerNeedsAProtocol) {
  EXPECT_THAT(round_trip("INTERNAL://:9092"),
              HasSubstr("No security protocol defined for listener INTERNAL"));
}

TEST(Endpoint, NamesAndPortsDiffer) {
  EXPECT_THAT(round_trip("PLAINTEXT://:1,PLAINTEXT://:2"), HasSubstr("different name"));
  EXPECT_THAT(round_trip("PLAINTEXT://:1,EXTERNAL://:1"), HasSubstr("different port"));
  EXPECT_EQ(round_trip("PLAINTEXT://:0,EXTERNAL://:0"), "PLAINTEXT://:0,EXTERNAL://:0");
  EXPECT_TRUE(parse_endpoints("PLAINTEXT://a:1,EXTERNAL://b:1", kMap, false).ok());
}

TEST(Endpoint, ProtocolMapsAreRead) {
  const Result<ProtocolMap> map = parse_protocol_map("internal:PLAINTEXT, External:sasl_ssl");
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(map->at("INTERNAL"), SecurityProtocol::kPlaintext);
  EXPECT_EQ(map->at("EXTERNAL"), SecurityProtocol::kSaslSsl);
  EXPECT_THAT(parse_protocol_map("A:TLS").status().message(),
              HasSubstr("Invalid security protocol TLS for listener A"));
  EXPECT_THAT(parse_protocol_map("A").status().message(), HasSubstr("not a NAME:PROTOCOL pair"));
}

}  // namespace
}  // namespace ottla::config

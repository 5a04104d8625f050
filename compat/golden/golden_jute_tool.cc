// SPDX-License-Identifier: Apache-2.0
// Ottla's side of the golden comparison of ZooKeeper's records.
//
// golden_jute_tool check FILE    what ZooKeeper's code wrote (java/zookeeper/JuteGolden.java), decoded and
// encoded
//                                again
#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <vector>

#include "coordination/jute/records.h"
#include "coordination/jute/txn.h"
#include "coordination/server/data_tree.h"

namespace ottla::coordination::jute {
namespace {

// Decodes and encodes what it understood.
using Codec = std::function<void(Reader&, Writer&)>;

template <typename Record, typename... Options>
Codec record(Options... options) {
  return
      [=](Reader& reader, Writer& writer) { Record::decode(reader, options...).encode(writer, options...); };
}

Codec body(int32_t type) {
  return [=](Reader& reader, Writer& writer) {
    const TxnBody txn = decode_body(reader, type);
    if (reader.ok()) encode_body(writer, type, txn);
  };
}

void path(Reader& reader, Writer& writer) { writer.jute_string(read_string(reader)); }
void stat(Reader& reader, Writer& writer) { write_stat(writer, read_stat(reader)); }
void strings(Reader& reader, Writer& writer) { write_strings(writer, read_strings(reader)); }
void buffer(Reader& reader, Writer& writer) { write_buffer(writer, read_buffer(reader)); }
void acl(Reader& reader, Writer& writer) { write_acl(writer, read_acl(reader)); }

// One after the other, as the server puts its answers together.
Codec both(Codec first, Codec second) {
  return [=](Reader& reader, Writer& writer) {
    first(reader, writer);
    second(reader, writer);
  };
}

// The header never stands alone: with the shortest body behind it.
void txn_header(Reader& reader, Writer& writer) {
  const Bytes bytes = reader.raw(reader.remaining());
  Writer whole;
  whole.raw(bytes.first(bytes.size() - 4));
  whole.int32(kError);
  whole.int32(-101);
  Reader txn(whole.buffer());
  Writer again;
  encode_txn(again, decode_txn(txn));
  const Bytes encoded = again.buffer();
  writer.raw(encoded.first(encoded.size() - 8));
  writer.raw(bytes.last(4));
}

// It stands in the nodes of a snapshot: the image of a tree that has nothing but its root.
void stat_persisted(Reader& reader, Writer& writer) {
  const Bytes bytes = reader.raw(reader.remaining());
  Writer image;
  image.int32(0);  // sessions
  image.int32(0);  // lists of ACLs
  image.jute_string("");
  write_buffer(image, std::nullopt);
  image.int64(-1);  // the open list
  const size_t before = image.buffer().size();
  image.raw(bytes);
  image.jute_string("/");
  DataTree tree;
  Reader image_reader(image.buffer());
  if (!tree.decode(image_reader)) reader.fail("not an image of a tree");
  Writer again;
  tree.encode(again);
  if (again.buffer().size() == image.buffer().size())
    writer.raw(again.buffer().subspan(before, bytes.size()));
}

std::map<std::string, Codec> codecs() {
  std::map<std::string, Codec> all = {
      {"ConnectRequest", record<ConnectRequest>()},
      {"ConnectResponse", record<ConnectResponse>()},
      {"RequestHeader", record<RequestHeader>()},
      {"ReplyHeader", record<ReplyHeader>()},
      {"MultiHeader", record<MultiHeader>()},
      {"AuthPacket", record<AuthPacket>()},
      {"CreateRequest", record<CreateRequest>(false)},
      {"CreateTTLRequest", record<CreateRequest>(true)},
      {"SetDataRequest", record<SetDataRequest>()},
      {"SetACLRequest", record<SetAclRequest>()},
      {"SetWatches", record<SetWatchesRequest>(false)},
      {"SetWatches2", record<SetWatchesRequest>(true)},
      {"WatcherEvent", record<WatcherEvent>()},
      {"FileHeader", record<FileHeader>()},
      {"Stat", stat},
      {"StatPersisted", stat_persisted},
      {"Create2Response", both(path, stat)},
      {"GetDataResponse", both(buffer, stat)},
      {"GetChildren2Response", both(strings, stat)},
      {"GetACLResponse", both(acl, stat)},
      {"TxnHeader", txn_header},
      {"CreateTxn", body(kCreate)},
      {"CreateContainerTxn", body(kCreateContainer)},
      {"CreateTTLTxn", body(kCreateTtl)},
      {"DeleteTxn", body(kDelete)},
      {"SetDataTxn", body(kSetData)},
      {"CheckVersionTxn", body(kCheck)},
      {"SetACLTxn", body(kSetAcl)},
      {"CreateSessionTxn", body(kCreateSession)},
      {"CloseSessionTxn", body(kCloseSession)},
      {"ErrorTxn", body(kError)},
      {"MultiTxn", body(kMulti)},
  };
  for (const char* name : {"DeleteRequest", "CheckVersionRequest", "AddWatchRequest", "CheckWatchesRequest",
                           "RemoveWatchesRequest"})
    all[name] = record<PathVersionRequest>();
  for (const char* name : {"ExistsRequest", "GetDataRequest", "GetChildrenRequest", "GetChildren2Request"})
    all[name] = record<PathWatchRequest>();
  for (const char* name : {"SyncRequest", "SyncResponse", "GetACLRequest", "CreateResponse",
                           "GetEphemeralsRequest", "GetAllChildrenNumberRequest"})
    all[name] = path;
  for (const char* name : {"SetDataResponse", "SetACLResponse", "ExistsResponse"}) all[name] = stat;
  for (const char* name : {"GetChildrenResponse", "GetEphemeralsResponse"}) all[name] = strings;
  return all;
}

std::vector<uint8_t> bytes_of(const std::string& hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string difference(const Codec& codec, const std::string& hex) {
  const std::vector<uint8_t> bytes = bytes_of(hex);
  Reader reader(bytes);
  Writer writer;
  codec(reader, writer);
  if (!reader.ok()) return fmt::format("cannot decode {}: {}", hex, reader.error());
  if (reader.remaining() > 0) return fmt::format("leaves {} bytes of {}", reader.remaining(), hex);
  const Bytes again = writer.buffer();
  if (std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) return "";
  std::string ours;
  for (const uint8_t byte : again) ours += fmt::format("{:02x}", byte);
  return fmt::format("bytes: ours {} ZooKeeper's {}", ours, hex);
}

int check(const char* file) {
  const std::map<std::string, Codec> all = codecs();
  std::ifstream in(file);
  std::set<std::string> records;
  size_t samples = 0;
  std::string line;
  while (std::getline(in, line)) {
    const size_t tab = line.find('\t');
    const std::string name = line.substr(0, tab);
    const auto codec = all.find(name);
    const std::string what =
        codec == all.end() ? "no such record here" : difference(codec->second, line.substr(tab + 3));
    if (codec != all.end()) records.insert(name);
    if (codec != all.end()) ++samples;
    if (!what.empty()) std::cout << "differs " << name << " 0 " << what << "\n";
  }
  std::cout << "compared " << records.size() << " " << samples << "\n";
  return in.eof() ? 0 : 1;
}

}  // namespace
}  // namespace ottla::coordination::jute

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "check") return ottla::coordination::jute::check(argv[2]);
  std::cerr << "usage: golden_jute_tool check FILE\n";
  return 2;
}

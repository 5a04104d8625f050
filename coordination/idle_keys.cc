// SPDX-License-Identifier: Apache-2.0
#include "coordination/idle_keys.h"

#include <algorithm>
#include <iterator>

namespace ottla::coordination {
namespace {

constexpr const char* kAlone = "this server runs alone, there is no quorum";
constexpr const char* kThreads = "one loop serves all connections, there are no such threads";
constexpr const char* kNoAdminTls = "the admin server speaks plain HTTP";
constexpr const char* kNoKerberos = "of SASL, DIGEST-MD5 is there and Kerberos is not";
constexpr const char* kNoRevocation = "certificates are not looked up for revocation";
constexpr const char* kNoCache = "replies are made from the tree, there is no cache";
constexpr const char* kNoThrottle =
    "connections and requests are bounded by maxClientCnxns, maxCnxns and globalOutstandingLimit alone";
constexpr const char* kNoDigest = "no digests of the tree are made";

constexpr IdleKey kIdleKeys[] = {
    // What a file for an ensemble and for one server may both say, and changes nothing for one.
    {"initLimit", nullptr},
    {"syncLimit", nullptr},
    {"standaloneEnabled", nullptr},
    {"connectToLearnerMasterLimit", nullptr},
    {"quorumListenOnAllIPs", nullptr},
    {"syncEnabled", nullptr},
    {"electionAlg", nullptr},
    {"version", nullptr},
    {"clientPortListenBacklog", "the system's own limit is used"},
    {"closeSessionTxn.enabled", "closing a session always names its nodes, which 3.5 and later read"},
    {"snapshotSizeFactor", "it is about followers, which this server has none of"},
    {"commitLogCount", "it is about followers, which this server has none of"},
    // Threads, queues and buffers of the JVM's server.
    {"serverCnxnFactory", "connections are served by this program's own loop"},
    {"nio.", kThreads},
    {"netty.", kThreads},
    {"commitProcessor.", kThreads},
    {"flushDelay", "every turn of the loop is one write and one sync"},
    {"maxWriteQueuePollTime", "every turn of the loop is one write and one sync"},
    {"maxBatchSize", "every turn of the loop is one write and one sync"},
    {"intBufferStartingSizeBytes", kNoCache},
    {"maxResponseCacheSize", kNoCache},
    {"maxGetChildrenResponseCacheSize", kNoCache},
    {"jute.maxbuffer.extrasize", "replies have no limit of their own"},
    {"bitHashCacheSize", "there is one kind of watch table"},
    {"watchManagerName", "there is one kind of watch table"},
    {"watcherClean", "there is one kind of watch table"},
    {"maxInProcessingDeadWatchers", "there is one kind of watch table"},
    {"pathStats.", "no statistics per path are kept"},
    {"messageTracker.", "messages between servers do not exist here"},
    {"largeRequest", kNoThrottle},
    {"request_throttle", kNoThrottle},
    {"request_stale", kNoThrottle},
    {"throttled_op_wait_time", kNoThrottle},
    {"connection_throttle", kNoThrottle},
    {"clientTcpKeepAlive", "sessions tell when a client is gone"},
    {"tcpKeepAlive", kAlone},
    {"cnxTimeout", kAlone},
    {"shutdownTimeout", kThreads},
    {"jvm.", "there is no JVM"},
    {"audit.", "no audit log is written"},
    {"controllerPort", kAlone},
    // Security that is not there.
    {"sasl.", "it is about the client, or about Kerberos, which is not there"},
    {"requireClientAuthScheme",
     "ZooKeeper itself does not read it; sessionRequireClientSASLAuth=true demands SASL"},
    {"requireKerberosConfig", kNoKerberos},
    {"kerberos.", kNoKerberos},
    {"security.", kNoKerberos},
    {"jaasLoginRenew", kNoKerberos},
    {"DigestAuthenticationProvider.digestAlg", "digests are SHA-1, as by default"},
    {"enableEagerACLCheck", "rights are always checked before a write is logged"},
    {"portUnification", kAlone},
    // Taken as they are by default: a client's own name is not looked up, and the handshake has its time.
    {"ssl.hostnameVerification", nullptr},
    {"ssl.allowReverseDnsLookup", nullptr},
    {"ssl.handshakeDetectionTimeoutMillis", nullptr},
    {"ssl.crl", kNoRevocation},
    {"ssl.ocsp", kNoRevocation},
    {"ssl.quorum.", kAlone},
    {"ssl.context.supplier.class", "it is a Java class"},
    {"ssl.authProvider", "certificates name their clients by the scheme x509"},
    {"client.certReload", "files with keys and certificates are read once, at the start"},
    {"fips-mode", "OpenSSL's own configuration decides that"},
    {"admin.forceHttps", kNoAdminTls},
    {"admin.portUnification", kNoAdminTls},
    {"admin.httpVersion", "HTTP/1.1 is spoken"},
    {"admin.idleTimeout", "every answer ends its connection"},
    // An ensemble.
    {"sslQuorum", kAlone},
    {"sslQuorumReloadCertFiles", kAlone},
    {"server.",
     "this server runs alone: for an ensemble run Apache ZooKeeper and point zookeeper.connect at it"},
    {"group.", kAlone},
    {"weight.", kAlone},
    {"electionPort", kAlone},
    {"electionPortBindRetry", kAlone},
    {"peerType", kAlone},
    {"quorum.", kAlone},
    {"quorumCnxnTimeoutMs", kAlone},
    {"multiAddress.", kAlone},
    {"oraclePath", kAlone},
    {"observer", kAlone},
    {"observerMasterPort", kAlone},
    {"leader.", kAlone},
    {"leaderServes", kAlone},
    {"leaderConnectDelayDuringRetryMs", kAlone},
    {"learner.", kAlone},
    {"follower.", kAlone},
    {"fastleader.", kAlone},
    {"forceSnapshotSync", kAlone},
    {"ensembleAuthName", kAlone},
    {"dynamicConfigFile", "this server runs alone and cannot be reconfigured"},
    {"localSessionsEnabled", "this server runs alone: all sessions are global"},
    {"localSessionsUpgradingEnabled", "this server runs alone: all sessions are global"},
    {"readonlymode.enabled", "this server runs alone: it is never cut off from a quorum"},
    {"digest.enabled", kNoDigest},
    {"db.autocreate", kAlone},
};

}  // namespace

const IdleKey* find_idle_key(const std::string& key) {
  const auto* entry = std::find_if(std::begin(kIdleKeys), std::end(kIdleKeys), [&](const IdleKey& row) {
    const std::string name = row.name;
    // Families without a dot of their own: watcherCleanThreshold, request_throttle_max_requests, ...
    const bool family = name.back() == '.' || name == "watcherClean" || name == "largeRequest" ||
                        name.rfind("request_", 0) == 0 || name == "connection_throttle";
    return family ? key.rfind(name, 0) == 0 : key == name;
  });
  return entry == std::end(kIdleKeys) ? nullptr : entry;
}

}  // namespace ottla::coordination

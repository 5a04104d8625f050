// SPDX-License-Identifier: Apache-2.0
// bench_load: load for any Kafka broker, and probes of what the machine can do. scripts/bench runs it; alone:
//   bench_load produce --bootstrap 127.0.0.1:9092 --topic t --depth 32 --seconds 5
#include <CLI/CLI.hpp>

#include "tests/bench/load/options.h"

namespace {

using ottla::load::Options;

void add_options(CLI::App& app, Options& options) {
  app.add_option("--bootstrap", options.bootstrap, "HOST:PORT of the broker");
  app.add_option("--server-pid", options.server_pids, "processes whose CPU is counted");
  app.add_option("--topic", options.topic);
  app.add_option("--partitions", options.partitions);
  app.add_flag("--make-topic", options.make_topic, "make the topic first and delete it at the end");
  app.add_option("--connections", options.connections);
  app.add_option("--depth", options.depth, "requests under way on each connection");
  app.add_option("--rate", options.rate, "requests per second, at fixed times; 0: as fast as answers come");
  app.add_option("--records", options.records, "in a request");
  app.add_option("--size", options.size, "bytes of a record");
  app.add_option("--codec", options.codec, "none, gzip, snappy, lz4, zstd");
  app.add_option("--acks", options.acks);
  app.add_option("--seconds", options.seconds);
  app.add_option("--requests", options.requests, "instead of --seconds");
  app.add_option("--warm-up", options.warm_up_seconds, "seconds that are not counted");
  app.add_option("--fetch-bytes", options.fetch_bytes, "a Fetch asks for at most");
  app.add_option("--consumers", options.consumers, "that fetch all the while");
  app.add_option("--count", options.count, "of topics, connections, members");
  app.add_flag("--in-one-request", options.in_one_request);
  app.add_option("--bytes", options.bytes);
  app.add_option("--path", options.path, "a directory to write in");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Load for a Kafka broker; prints its figures as JSON");
  app.require_subcommand(1);
  app.fallthrough();
  Options options;
  add_options(app, options);
  const auto add = [&](const char* name, const char* what, void (*run)(const Options&)) {
    return app.add_subcommand(name, what)->final_callback([run, &options] { run(options); });
  };
  add("produce", "prebuilt Produce requests; with --consumers, fetched as well", ottla::load::run_produce);
  add("fetch", "reads partitions from their beginning", ottla::load::run_fetch);
  add("end-to-end", "one producer at --rate, one consumer", ottla::load::run_end_to_end);
  add("connections", "opens --count connections and holds them until standard input ends",
      ottla::load::run_connections);
  add("topics", "makes --count topics", ottla::load::run_topics);
  add("group", "--count members join one group, then commit --requests times", ottla::load::run_group);
  CLI::App* start = add("start", "runs COMMAND and asks until a record on a new topic is acknowledged",
                        ottla::load::run_start);
  start->add_option("command", options.command)->required();
  start->add_flag("--hold", options.hold, "COMMAND goes on until standard input ends");
  add("limits", "what receiving, checksums, appending, sendfile and waking cost here",
      ottla::load::run_limits);
  add("touch", "touches --bytes of memory, so that the next to ask for it finds it", ottla::load::run_touch);
  CLI11_PARSE(app, argc, argv);
  return 0;
}

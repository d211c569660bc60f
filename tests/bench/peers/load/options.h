// Options of the load generator, as its command line gives them. Values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::load {

struct Endpoint {
    std::string host;  // an IPv4 address
    std::uint16_t port = 0;
};

// What one run does: create the object and end; tell where its leader is and end; send; send and
// receive at the same time; receive what is there.
enum class Mode : std::uint8_t { setup, leader, send, cycle, drain };

struct Options {
    std::string driver;
    std::vector<Endpoint> endpoints;   // senders are spread over them
    std::vector<Endpoint> consume_at;  // the same for consumers; empty: `endpoints`
    Mode mode = Mode::send;
    std::string object = "bench";     // queue, stream or topic
    std::vector<std::string> queues;  // what consumers take from; empty: named by the driver
    int spread = 1;                   // over 1: requests go in turn to OBJECT-0, ... (cmq-tcp)
    bool topic = false;               // the object is a topic (cmq-tcp, v1)
    bool keep = false;                // the object is there already
    std::string path = "/";           // http: what is posted to
    std::string key;                  // cmq-tcp, v1: ID:SECRET
    int connections = 1;              // of senders, 1 to 10,000
    int window = 1;                   // requests under way on each, 1 to 1,024
    int size = 1024;                  // bytes of a body, at least 32
    int batch = 1;                    // messages in a request, 1 to 16 (cmq-tcp, v1)
    int consumers = 1;                // connections that receive, 1 to 1,000
    int prefetch = 256;               // messages under way to each, 1 to 20,000
    int replicas = 1;                 // of the object, where the driver creates it
    int fan = 0;                      // queues behind the object, each with a consumer
    int answer_within_ms = 0;         // else the connection goes elsewhere; 0: never
    double seconds = 10;              // measured
    double warmup = 2;                // seconds before that
    double rate = 0;                  // requests a second, open loop; 0: closed loop
    double idle = 3;                  // drain: seconds without a message that end it
    std::uint64_t count = 0;          // messages to send or drain; 0: by time
    std::uint64_t first = 0;          // send: sequence number of the first message
    std::string acknowledged_file;    // written: one byte a message, 1 for acknowledged
    std::string verify_file;          // read: such a file, held against what came
    std::vector<int> processes;       // the servers, for processor time, memory and writes
};

// Reads `--name value` pairs; throws std::invalid_argument that says which one is wrong and why.
Options parse_options(const std::vector<std::string>& words);

}  // namespace penstock::load

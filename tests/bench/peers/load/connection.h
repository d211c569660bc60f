// Connection: one socket of the load generator and the protocol spoken on it. A driver derives from
// it; the load calls it from its only thread. Greeting and setting up wait, all else never does.
#pragma once

#include "tests/bench/peers/load/options.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace penstock::load {

// The other side ended, refused or did not keep to the protocol: this connection is of no more use.
struct Broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Connection;

// Whom drivers tell what came.
class Listener {
  public:
    virtual ~Listener() = default;

    // A request was answered: the one with `tag`, or all up to it.
    enum class Which : std::uint8_t { this_one, all_up_to };
    virtual void answered(Connection& connection, std::uint64_t tag, Which which, bool good) = 0;

    // A message came to a consumer.
    virtual void delivered(std::string_view body) = 0;

    // Something that belongs to no request was refused, as the removal of what was received.
    virtual void failed(const std::string& what) = 0;
};

// One request that has been sent.
struct Sent {
    std::uint64_t due_ns = 0;   // when it was to be sent, CLOCK_MONOTONIC
    std::uint64_t sent_ns = 0;  // when it was
    std::uint64_t first = 0;    // sequence number of its first message
    bool answered = false;
};

class Connection {
  public:
    enum class Role : std::uint8_t { sender, consumer };

    // `number` counts the connections of a role from 0.
    Connection(const Options& options, Listener& listener, Role role, int number);
    virtual ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Connects and greets, then does not block any more; throws Broken. No answer within
    // `patience_ms` is broken too.
    void open(const Endpoint& endpoint, int patience_ms);
    void close();

    [[nodiscard]] bool is_open() const { return socket_ >= 0; }

    [[nodiscard]] int socket() const { return socket_; }

    [[nodiscard]] Role role() const { return role_; }

    // Creates the object anew, on a connection that is open; waits.
    void declare();

    // Prints "leader=NAME" where the protocol knows one; waits.
    void tell_leader();

    // Appends one request with options.batch messages of options.size bytes each.
    virtual void publish(std::string_view bodies, std::uint64_t tag) = 0;

    // Takes what has come and tells the listener; what is partial stays. Throws Broken.
    virtual void parse() = 0;

    // After parse(): what many messages share, as one acknowledgement of all.
    virtual void after_reading() {}

    void take(std::string_view bytes) { input_.append(bytes); }

    // Writes what there is to write as far as the socket takes it; true: all. Throws Broken.
    bool flush();

    [[nodiscard]] bool has_output() const { return written_ < output_.size(); }

    // Requests without an answer, in the order of their tags; the first has first_tag.
    std::deque<Sent> pending;
    std::uint64_t first_tag = 1;
    std::uint64_t next_tag = 1;
    std::uint64_t under_way = 0;
    std::size_t endpoint = 0;  // which one it uses, or tries next
    bool waits_for_room = false;

  protected:
    virtual void greet() = 0;

    virtual void create() { throw Broken("this driver does not create what it sends to"); }

    virtual void find_leader() {}

    virtual void consume() = 0;

    // ---- for greet, create and find_leader: they wait
    void send_now();
    void need(std::size_t bytes);  // until so many are there
    std::string line();            // up to CRLF, which is taken too

    // ---- what has come and is not taken yet
    [[nodiscard]] std::string_view unread() const {
        return std::string_view(input_).substr(taken_);
    }

    void skip(std::size_t bytes) { taken_ += bytes; }

    void forget_taken();  // at the end of parse()

    // For protocols that answer in order.
    void answer_next(bool good) {
        listener_.answered(*this, first_tag, Listener::Which::this_one, good);
    }

    // The queue this consumer takes from.
    [[nodiscard]] std::string queue() const;
    [[nodiscard]] std::string queue(int number) const;

    const Options& options_;
    Listener& listener_;
    const int number_;
    std::string output_;

  private:
    void read_more();
    void block(bool wanted);

    const Role role_;
    int socket_ = -1;
    std::string input_;
    std::size_t taken_ = 0;
    std::size_t written_ = 0;
};

// The drivers by name: amqp, nats, redis, http, v1, cmq-tcp. Throws std::invalid_argument.
std::unique_ptr<Connection> make_connection(const Options& options,
                                            Listener& listener,
                                            Connection::Role role,
                                            int number);

}  // namespace penstock::load

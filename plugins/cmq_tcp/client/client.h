// Client: one connection to a server of CMQ TCP, and any number of requests under way on it. It
// connects and shows its key by itself when it is first asked, and again after a loss; heartbeats
// while nothing goes on. What leaves in one turn of the loop leaves in one write.
//
//   Client client(context, endpoint, {key_id, secret});
//   client.send({"orders", {"a body"}}, [](Result<Reply> reply) { ... });    // asynchronous
//   const auto reply = wait_for(context, client, &Client::send, Send{...});   // synchronous
//
// Owned by whoever asks; the io_context's one thread only. A completion runs once, never inside the
// call that gave it: with the server's reply, whatever its result says, or with an
// Error{unavailable}: no connection, wrong key, connection lost, no reply in time (which ends the
// connection). The request may have taken effect then.
#pragma once

#include "broker/base/error.h"
#include "plugins/cmq_tcp/reply.h"
#include "plugins/cmq_tcp/request.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace penstock::plugins::cmq_tcp {

struct ClientKey {
    std::string key_id;
    std::string secret;
};

// A connection under TLS: `context` (it outlives the client) says whose certificates are trusted,
// and the server's must be of `host`, a name or an address. A name is sent along (SNI).
struct ClientTls {
    boost::asio::ssl::context& context;
    std::string host;
};

class Client {
  public:
    using Tcp = boost::asio::ip::tcp;
    using Done = std::function<void(Result<Reply>)>;
    // What became of the transaction of a message: true, it is to be committed; false, rolled back;
    // nothing: not known (yet), the server will ask again.
    using Checker = std::function<std::optional<bool>(const Query& query)>;

    // `tls`: nothing, and all is said in the clear, the bodies too; a key's secret never is.
    Client(boost::asio::io_context& context,
           const Tcp::endpoint& endpoint,
           ClientKey key,
           std::optional<ClientTls> tls = {});
    ~Client();  // completions that are still due do not run
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // The fields are copied before it returns. A single message or receipt goes as the single
    // command, several as the batch; a pull of one likewise.
    void send(const Send& fields, Done done);
    void pull(const Pull& fields, Done done);
    void remove(const Remove& fields, Done done);
    void publish(const Publish& fields, Done done);

    // Commits or rolls back transactional messages that were sent (Send::transaction).
    void confirm(const Confirm& fields, Done done);

    // Who answers when the server asks: about queues that this connection has sent or confirmed
    // transactional messages of, on the io_context's thread. Heartbeats keep the connection while
    // there is a checker; one that is lost comes back with the next request.
    void set_checker(Checker checker);

    // Ends what is under way, as a loss.
    void close();

  private:
    using Moment = std::chrono::steady_clock::time_point;

    // A connection's socket. Whoever reads or writes on it keeps it: another one may be in use
    // then.
    struct Wire {
        explicit Wire(boost::asio::io_context& context) : socket(context) {}

        Tcp::socket socket;
        std::optional<boost::asio::ssl::stream<Tcp::socket&>> tls;
    };

    struct Waiting {
        Done done;
        Moment until;
    };

    template <class Fields>
    void ask(Command command, const Fields& fields, std::chrono::milliseconds poll, Done done);
    void connect();
    void shake_hands();
    void begin();
    void greet();
    void lost(const std::string& why);
    void write_soon();
    void write();
    void read();
    bool take(std::string_view fresh);
    void answer(Reply reply);
    void check(const Query& query);
    void tick();

    boost::asio::io_context& context_;
    Tcp::endpoint endpoint_;
    ClientKey key_;
    std::optional<ClientTls> tls_;
    std::shared_ptr<Wire> wire_;
    boost::asio::steady_timer ticker_;
    std::unordered_map<std::int64_t, Waiting> waiting_;
    Checker checker_;
    std::int64_t seqno_ = 0;
    std::string next_;     // frames for the next write
    std::string leaving_;  // frames of the write under way
    std::string rest_;     // of a reply that is not whole
    std::array<char, 64 * 1024> input_{};
    Moment used_;
    // Handlers of an earlier connection, or of a client that is gone, find another number.
    std::shared_ptr<std::uint64_t> life_ = std::make_shared<std::uint64_t>(0);
    enum class State : std::uint8_t { closed, connecting, greeting, open } state_ = State::closed;
    bool writing_ = false;
};

// Synchronous use: asks and runs `context`, which nobody else runs, until the reply is there.
template <class Fields>
Result<Reply> wait_for(boost::asio::io_context& context,
                       Client& client,
                       void (Client::*ask)(const Fields&, Client::Done),
                       const Fields& fields) {
    Result<Reply> reply = error(Errc::unavailable, "no reply");
    bool there = false;
    (client.*ask)(fields, [&](Result<Reply> given) {
        reply = std::move(given);
        there = true;
    });
    context.restart();
    while (!there && context.run_one() > 0) {
    }
    return reply;
}

}  // namespace penstock::plugins::cmq_tcp

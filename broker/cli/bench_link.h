// Link: one kept HTTP connection that sends requests made beforehand and reads whole answers: as
// little work per request as can be, so that the figures are the server's. Under TLS if wanted.
// Connects again after a failure. One thread, the io_context's; every exchange ends within its
// deadline.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::cli {

struct LinkAnswer {
    bool ok = false;           // a whole answer with status 200 came
    std::string_view body;     // until the completion returns
    std::string_view failure;  // why not
};

// Whose certificates are trusted (it outlives the links), and whose the server's must be: a name
// or an address.
struct LinkTls {
    boost::asio::ssl::context& context;
    std::string host;
};

class Link {
  public:
    using Done = std::function<void(const LinkAnswer&)>;
    using Tcp = boost::asio::ip::tcp;

    // `tls`: nothing, and all is said in the clear.
    Link(boost::asio::io_context& context,
         const Tcp::endpoint& endpoint,
         std::optional<LinkTls> tls = {});

    // Sends `request` (lives until `done` ran) and reads the answer. One at a time.
    void exchange(std::string_view request, Done done);

    // Ends what is under way; its completion still runs, as a failure.
    void close();

  private:
    void shake_hands();
    void opened();
    void send();
    void read();
    void take(std::size_t bytes);
    void finish(bool ok, std::string_view body, std::string_view failure);
    // Bytes of the whole answer once its head is there; 0 before.
    [[nodiscard]] std::size_t answer_bytes();

    Tcp::endpoint endpoint_;
    std::optional<LinkTls> tls_;
    Tcp::socket socket_;
    std::optional<boost::asio::ssl::stream<Tcp::socket&>> stream_;  // under TLS
    boost::asio::steady_timer deadline_;
    std::string_view request_;
    std::string input_;
    std::size_t filled_ = 0;
    std::size_t body_at_ = 0;
    std::size_t whole_ = 0;
    bool connected_ = false;
    Done done_;
};

}  // namespace penstock::cli

// RuntimeSession: one kept connection of a runtime client, as HTTP/1.1. It reads a request, hands
// it to its owner and waits for answer(), for ever if need be: the client of a held `next` waits
// for a message without a time-out. It never closes an idle connection by itself. Owned by a
// RuntimeListener, on its thread; a broken connection is on_closed().
#pragma once

#include "sinks/process/runtime_wire.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace penstock::sinks::process {

inline constexpr std::uint32_t runtime_head_bytes_max = 32 * 1024;
inline constexpr std::uint64_t runtime_answer_bytes_max = 6 << 20;   // as both services have it
inline constexpr std::uint64_t runtime_other_bytes_max = 64 * 1024;  // of every other request

struct RuntimeRequest {
    RuntimeCall call;
    std::string body;
    std::string error_type;  // the header Lambda-Runtime-Function-Error-Type
    bool too_long = false;   // the body is beyond the limit and was not read
};

class RuntimeSession : public std::enable_shared_from_this<RuntimeSession> {
  public:
    class Owner {
      public:
        virtual ~Owner() = default;

        // How long the body of this request may be; at most runtime_answer_bytes_max.
        virtual std::uint64_t body_bytes_max(RuntimeSession& session, const RuntimeCall& call) = 0;

        // A whole request; answer() is due, now or later. Nothing more is heard before it.
        virtual void on_request(RuntimeSession& session, RuntimeRequest request) = 0;

        // The client went away or sent what is no HTTP.
        virtual void on_closed(RuntimeSession& session) = 0;
    };

    // `owner` outlives the session's last close().
    RuntimeSession(boost::asio::ip::tcp::socket socket, Owner& owner, std::uint64_t number);

    void start() { read_head(); }

    // The bytes of the whole answer to the request handed over last.
    void answer(std::string bytes);

    // Ends it at once; the owner hears no more.
    void close();

    [[nodiscard]] std::uint64_t number() const { return number_; }

  private:
    using ErrorCode = boost::system::error_code;
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

    void read_head();
    void on_head(const ErrorCode& ec);
    void read_body();
    void on_body(const ErrorCode& ec);
    void hand_over(bool too_long);
    void watch();
    void on_written(const ErrorCode& ec);
    void end();

    boost::asio::ip::tcp::socket socket_;
    Owner* owner_;
    std::uint64_t number_;
    boost::beast::flat_buffer buffer_;
    std::optional<Parser> parser_;
    RuntimeCall call_;
    std::string answer_;
    bool keeps_ = true;  // the connection outlives the present answer
    bool held_ = false;  // a request waits for answer()
};

}  // namespace penstock::sinks::process

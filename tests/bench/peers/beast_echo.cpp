// beast_echo: the least server one can write with Boost.Beast - one thread, 200, the body echoed.
// What HTTP itself costs, as a ceiling for whoever serves it with that library. Says its port.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <cstdio>
#include <memory>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

class Session : public std::enable_shared_from_this<Session> {
  public:
    explicit Session(tcp::socket socket) : stream_(std::move(socket)) {}

    void read() {
        request_ = {};
        http::async_read(stream_,
                         buffer_,
                         request_,
                         [self = shared_from_this()](error_code failure, std::size_t) {
                             if (!failure) self->write();
                         });
    }

  private:
    void write() {
        response_ = {http::status::ok, request_.version()};
        response_.keep_alive(request_.keep_alive());
        response_.body() = std::move(request_.body());
        response_.prepare_payload();
        http::async_write(
            stream_, response_, [self = shared_from_this()](error_code failure, std::size_t) {
                if (!failure) self->read();
            });
    }

    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    http::request<http::string_body> request_;
    http::response<http::string_body> response_;
};

void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([&acceptor](error_code failure, tcp::socket socket) {
        if (!failure) {
            socket.set_option(tcp::no_delay(true));
            std::make_shared<Session>(std::move(socket))->read();
        }
        accept(acceptor);
    });
}

}  // namespace

int main() {
    asio::io_context context(1);
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    std::printf("port %d\n", static_cast<int>(acceptor.local_endpoint().port()));
    std::fflush(stdout);
    accept(acceptor);
    context.run();
}

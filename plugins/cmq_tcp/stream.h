// Stream: the bytes of one connection, in the clear or under TLS. Never waits: it says what the
// socket must become ready for. Under TLS the handshake goes along with the first reads. Owned by a
// session, its thread only; what goes wrong is State::lost. The process ignores SIGPIPE.
#pragma once

#include "plugins/listener/socket.h"

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>

namespace penstock::plugins::cmq_tcp {

class Stream {
  public:
    enum class State {
        moved,        // `bytes` of them, at least one
        wants_read,   // nothing moved: go on when the socket can be read
        wants_write,  // nothing moved: go on when it can be written
        lost,         // closed by the caller, broken, or no TLS where there must be
    };

    struct Moved {
        State state = State::lost;
        std::size_t bytes = 0;
    };

    // `context` is the server's; nullptr: in the clear.
    Stream(Socket socket, SSL_CTX* context);

    // Once, before anything moves.
    void start();

    // As much as there is, `most` bytes at most; `most` is above 0.
    Moved read(char* to, std::size_t most);
    Moved write(const char* from, std::size_t bytes);

    // True: bytes that were deciphered wait here, and the socket need not become readable again.
    [[nodiscard]] bool has_more() const;

    // False: TLS is not agreed upon yet.
    [[nodiscard]] bool is_agreed() const;

    // Says goodbye, as far as the socket takes it at once.
    void close();

    [[nodiscard]] Socket& socket() { return socket_; }

  private:
    using Tls = std::unique_ptr<SSL, decltype(&::SSL_free)>;

    [[nodiscard]] Moved outcome(int result, std::size_t bytes) const;

    Socket socket_;
    Tls tls_;  // nullptr: in the clear
};

}  // namespace penstock::plugins::cmq_tcp

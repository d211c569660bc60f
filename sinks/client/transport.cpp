#include "sinks/client/transport.h"

#include <sys/socket.h>

#include <cerrno>

namespace penstock::sinks::client {

bool Transport::quiet() {
    char byte = 0;
    const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && errno == EAGAIN;
}

}  // namespace penstock::sinks::client

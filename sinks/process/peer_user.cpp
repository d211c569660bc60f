#include "sinks/process/peer_user.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace penstock::sinks::process {
namespace {

using boost::asio::ip::tcp;

struct Question {
    ::nlmsghdr header;
    ::inet_diag_req_v2 request;
};

Question question(const tcp::endpoint& ours, const tcp::endpoint& theirs) {
    Question asked{};
    asked.header.nlmsg_len = sizeof(asked);
    asked.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    asked.header.nlmsg_flags = NLM_F_REQUEST;
    asked.request.sdiag_family = AF_INET;
    asked.request.sdiag_protocol = IPPROTO_TCP;
    asked.request.idiag_states = ~0U;
    ::inet_diag_sockid& id = asked.request.id;
    id.idiag_sport = htons(theirs.port());
    id.idiag_dport = htons(ours.port());
    id.idiag_src[0] = htonl(theirs.address().to_v4().to_uint());
    id.idiag_dst[0] = htonl(ours.address().to_v4().to_uint());
    id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return asked;
}

std::optional<std::uint32_t> read_answer(int file) {
    alignas(::nlmsghdr) std::array<char, 4096> buffer{};
    const auto got = ::recv(file, buffer.data(), buffer.size(), MSG_DONTWAIT);
    constexpr std::size_t least = NLMSG_LENGTH(sizeof(::inet_diag_msg));
    if (got < static_cast<ssize_t>(least)) return {};
    ::nlmsghdr header{};
    std::memcpy(&header, buffer.data(), sizeof(header));
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY) return {};
    ::inet_diag_msg answer{};
    std::memcpy(&answer, buffer.data() + NLMSG_HDRLEN, sizeof(answer));
    return answer.idiag_uid;
}

}  // namespace

std::optional<std::uint32_t> peer_user(const tcp::endpoint& ours, const tcp::endpoint& theirs) {
    if (!ours.address().is_v4() || !theirs.address().is_v4()) return {};
    const int file = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (file < 0) return {};
    const Question asked = question(ours, theirs);
    std::optional<std::uint32_t> user;
    // The kernel answers within the call.
    if (::send(file, &asked, sizeof(asked), 0) == static_cast<ssize_t>(sizeof(asked))) {
        user = read_answer(file);
    }
    ::close(file);
    return user;
}

}  // namespace penstock::sinks::process

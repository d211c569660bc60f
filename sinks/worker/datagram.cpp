#include "sinks/worker/datagram.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace penstock::sinks::worker {

namespace {

constexpr std::size_t control_bytes = CMSG_SPACE(sizeof(int) * datagram_files_max);

std::vector<OwnedFile> files_in(msghdr& header) {
    std::vector<OwnedFile> files;
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t file = 0; file < count; ++file) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(at) + file * sizeof(int), sizeof(int));
            files.emplace_back(number);
        }
    }
    return files;
}

void attach(msghdr& header, const std::vector<OwnedFile>& files) {
    header.msg_controllen = CMSG_SPACE(sizeof(int) * files.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * files.size());
    for (std::size_t file = 0; file < files.size(); ++file) {
        const int number = files[file].get();
        std::memcpy(CMSG_DATA(rights) + file * sizeof(int), &number, sizeof(int));
    }
}

}  // namespace

Sent send_datagram(int socket, std::string_view bytes, const std::vector<OwnedFile>& files) {
    if (files.size() > datagram_files_max) return Sent::refused;
    alignas(cmsghdr) std::array<char, control_bytes> control{};
    // Only read; the interface lacks const.
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    if (!files.empty()) {
        header.msg_control = control.data();
        attach(header, files);
    }
    for (;;) {
        if (::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Sent::done;
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) return Sent::later;
        const bool own_fault = errno == ETOOMANYREFS || errno == EMSGSIZE || errno == EBADF;
        return own_fault ? Sent::refused : Sent::gone;
    }
}

Result<std::optional<Datagram>> receive_datagram(int socket, std::string& buffer) {
    alignas(cmsghdr) std::array<char, control_bytes> control{};
    iovec piece{buffer.data(), buffer.size()};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<Datagram>();
    if (length < 0) return error(Errc::closed, "the other end is gone");
    Datagram datagram;
    datagram.files = files_in(header);
    // An empty datagram looks like the end of the stream, and nobody sends one.
    if (length == 0) return error(Errc::closed, "the other end is gone");
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return error(Errc::invalid, "a control message beyond its limits");
    datagram.bytes = std::string_view(buffer.data(), static_cast<std::size_t>(length));
    return std::optional<Datagram>(std::move(datagram));
}

}  // namespace penstock::sinks::worker

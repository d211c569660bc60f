#include "broker/node/mailbox.h"

#include "broker/base/check.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace penstock::node {

Mailbox::Mailbox(std::uint32_t calls_max, std::uint64_t bytes_max)
    : calls_max_(calls_max), bytes_max_(bytes_max), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    check(wake_ >= 0, "eventfd");
}

Mailbox::~Mailbox() {
    take_all();
    close(wake_);
}

void Mailbox::put(std::unique_ptr<Letter> letter) {
    Letter* mine = letter.release();
    mine->next_ = head_.load();
    while (!head_.compare_exchange_weak(mine->next_, mine)) {
    }
    if (asleep_.exchange(false)) {
        const std::uint64_t one = 1;
        const auto written = write(wake_, &one, sizeof one);
        check(written == sizeof one || errno == EAGAIN, "eventfd write");
    }
}

bool Mailbox::reserve(std::uint64_t bytes) {
    const bool fits = calls_.fetch_add(1) < calls_max_;
    const bool small = bytes_.fetch_add(bytes) + bytes <= bytes_max_;
    if (fits && small) return true;
    give_back(bytes);
    return false;
}

void Mailbox::give_back(std::uint64_t bytes) {
    calls_.fetch_sub(1);
    bytes_.fetch_sub(bytes);
}

std::vector<std::unique_ptr<Letter>> Mailbox::take_all() {
    std::vector<std::unique_ptr<Letter>> letters;
    for (Letter* at = head_.exchange(nullptr); at != nullptr;) {
        Letter* next = at->next_;
        letters.emplace_back(at);
        at = next;
    }
    std::reverse(letters.begin(), letters.end());
    return letters;
}

void Mailbox::wait(std::chrono::microseconds at_most) {
    if (at_most.count() <= 0) return;
    asleep_.store(true);
    if (empty()) {
        pollfd descriptor{wake_, POLLIN, 0};
        const timespec limit{at_most.count() / 1'000'000, (at_most.count() % 1'000'000) * 1'000};
        ppoll(&descriptor, 1, &limit, nullptr);
    }
    asleep_.store(false);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read_bytes = read(wake_, &count, sizeof count);
}

}  // namespace penstock::node

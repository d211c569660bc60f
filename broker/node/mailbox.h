// Mailbox: how other threads reach the broker thread: many put letters in, one takes them all out,
// in the order they came. No lock: an atomic list, and an eventfd that is only touched when the
// broker thread sleeps. Its bound counts calls; letters that free things always get in.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace penstock::node {

class Node;

class Letter {
  public:
    virtual ~Letter() = default;

    virtual void open(Node& node) = 0;  // broker thread

    virtual void return_to_sender() {}  // instead of open() when the node stops

    // Instead of open() when the node hangs; false: it waits on. Any thread.
    virtual bool expire() { return false; }

  private:
    friend class Mailbox;
    Letter* next_ = nullptr;
};

template <class Open>
class LetterOf final : public Letter {
  public:
    explicit LetterOf(Open what) : open_(std::move(what)) {}

    void open(Node& node) override { open_(node); }

  private:
    Open open_;
};

class Mailbox {
  public:
    Mailbox(std::uint32_t calls_max, std::uint64_t bytes_max);
    ~Mailbox();
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    // Any thread.
    void put(std::unique_ptr<Letter> letter);

    template <class Open>
    void post(Open open) {
        put(std::make_unique<LetterOf<Open>>(std::move(open)));
    }

    // Room for one more call of that size; false: overloaded. Given back when it is taken out.
    bool reserve(std::uint64_t bytes);
    void give_back(std::uint64_t bytes);

    // Broker thread.
    std::vector<std::unique_ptr<Letter>> take_all();

    [[nodiscard]] bool empty() const { return head_.load() == nullptr; }

    void wait(std::chrono::microseconds at_most);  // until something is in, or the time is over

  private:
    std::uint32_t calls_max_;
    std::uint64_t bytes_max_;
    int wake_;  // eventfd
    std::atomic<Letter*> head_{nullptr};
    std::atomic<bool> asleep_{false};
    std::atomic<std::uint32_t> calls_{0};
    std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace penstock::node

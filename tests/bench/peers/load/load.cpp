#include "tests/bench/peers/load/load.h"

#include <boost/json/serialize.hpp>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace penstock::load {

namespace {

constexpr std::uint64_t millisecond = 1'000'000;
constexpr std::uint64_t second = 1'000'000'000;
constexpr std::uint64_t answers_within_ns = 10 * second;  // after the last request
constexpr std::uint64_t looks_every_ns = 20 * millisecond;
constexpr std::uint64_t rests_at_most_ns = 50 * millisecond;
constexpr int patience_ms = 20'000;
constexpr int renewal_patience_ms = 1'000;
constexpr std::size_t pool_bytes = 1U << 20U;
constexpr std::size_t read_bytes = 1U << 18U;
constexpr std::size_t stamp_bytes = 32;

std::uint64_t in_ns(double seconds) {
    return static_cast<std::uint64_t>(seconds * 1e9);
}

// Every body is cut at another place, so that a store which compresses gains nothing from
// repetition between messages.
std::string random_text(std::size_t size) {
    static constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::uint64_t state = 88172645463325252U;
    std::string text(size, 'x');
    for (auto& letter : text) {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        letter = letters[state & 63U];
    }
    return text;
}

}  // namespace

Load::Load(const Options& options)
    : options_(options),
      tally_(options),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      pool_(random_text(pool_bytes + static_cast<std::size_t>(options.size))),
      bodies_(static_cast<std::size_t>(options.size) * static_cast<std::size_t>(options.batch),
              'x'),
      buffer_(read_bytes) {}

Load::~Load() {
    ::close(epoll_);
}

bool Load::sends() const {
    return options_.mode == Mode::send || options_.mode == Mode::cycle;
}

bool Load::receives() const {
    return options_.mode == Mode::cycle || options_.mode == Mode::drain;
}

void Load::run() {
    declare();
    if (options_.mode == Mode::setup || options_.mode == Mode::leader) return;
    open_all();
    begin();
    while (true) {
        const std::uint64_t now = now_ns();
        measure(now);
        if (finished(now)) break;
        send_due(now);
        flush_all();
        if (options_.answer_within_ms > 0) renew(now);
        wait(now);
    }
    if (!measured_) after_ = usage_of(options_.processes);
    if (!options_.acknowledged_file.empty()) tally_.save_acknowledged(options_.acknowledged_file);
    std::printf("%s\n", boost::json::serialize(tally_.report(before_, after_)).c_str());
}

void Load::declare() {
    const bool leader = options_.mode == Mode::leader;
    if (!leader && (options_.keep || options_.mode == Mode::drain)) return;
    const auto connection =
        make_connection(options_, *this, Connection::Role::sender, options_.connections);
    connection->open(options_.endpoints.front(), patience_ms);
    if (leader)
        connection->tell_leader();
    else
        connection->declare();
}

void Load::open(Connection& connection, int within_ms) {
    const auto& places =
        connection.role() == Connection::Role::consumer ? options_.consume_at : options_.endpoints;
    connection.open(places[connection.endpoint % places.size()], within_ms);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket(), &event);
    connection.parse();  // what came behind the greeting
    connection.after_reading();
}

void Load::open_all() {
    const int consumers = options_.fan > 0 ? options_.fan : options_.consumers;
    for (int at = 0; receives() && at < consumers; ++at) {
        consumers_.push_back(make_connection(options_, *this, Connection::Role::consumer, at));
        consumers_.back()->endpoint = static_cast<std::size_t>(at);
        open(*consumers_.back(), patience_ms);
    }
    for (int at = 0; sends() && at < options_.connections; ++at) {
        senders_.push_back(make_connection(options_, *this, Connection::Role::sender, at));
        senders_.back()->endpoint = static_cast<std::size_t>(at);
        open(*senders_.back(), patience_ms);
    }
}

void Load::begin() {
    begin_ns_ = now_ns();
    measure_ns_ = begin_ns_ + in_ns(options_.warmup);
    end_ns_ = measure_ns_ + in_ns(options_.seconds);
    if (options_.count > 0 || options_.mode == Mode::drain) {
        measure_ns_ = begin_ns_;
        end_ns_ = UINT64_MAX;
    }
    tally_.set_window(measure_ns_, end_ns_);
}

// Takes what the processes used at both ends of the measured time.
void Load::measure(std::uint64_t now) {
    if (!measuring_ && now >= measure_ns_) {
        measuring_ = true;
        before_ = usage_of(options_.processes);
    }
    if (!sends() || stopped_ns_ != 0) return;
    const bool all_sent = options_.count > 0 && tally_.messages_sent() >= options_.count;
    if (now < end_ns_ && !(all_sent && tally_.messages_settled() >= options_.count)) return;
    stopped_ns_ = now;
    tally_.stop_gaps();
    measured_ = true;
    after_ = usage_of(options_.processes);
}

bool Load::finished(std::uint64_t now) const {
    if (options_.mode == Mode::drain) {
        if (options_.count > 0 && tally_.messages_delivered() >= options_.count) return true;
        return now - std::max(begin_ns_, tally_.last_delivery_ns()) > in_ns(options_.idle);
    }
    if (stopped_ns_ == 0) return false;
    if (now - stopped_ns_ > answers_within_ns) return true;
    const bool answered = std::all_of(senders_.begin(), senders_.end(), [](const auto& one) {
        return one->under_way == 0 || !one->is_open();
    });
    return answered && (!receives() || tally_.all_delivered());
}

bool Load::may_send() const {
    const bool enough = options_.count > 0 && tally_.messages_sent() >= options_.count;
    return stopped_ns_ == 0 && !enough;
}

// The next connection in turn that may have one more request under way; nothing: none.
Connection* Load::with_room() {
    for (std::size_t tried = 0; tried < senders_.size(); ++tried) {
        Connection& one = *senders_[turn_++ % senders_.size()];
        if (one.is_open() && one.under_way < static_cast<std::uint64_t>(options_.window))
            return &one;
    }
    return nullptr;
}

void Load::send_due(std::uint64_t now) {
    if (options_.rate <= 0) {
        for (const auto& one : senders_)
            if (one->under_way == 0) fill(*one);
        return;
    }
    while (may_send()) {
        const std::uint64_t due = begin_ns_ + in_ns(static_cast<double>(due_) / options_.rate);
        if (due > now) return;
        Connection* free = with_room();
        if (free == nullptr) return;
        publish(*free, due);
        ++due_;
    }
}

void Load::fill(Connection& connection) {
    if (options_.rate > 0 || !connection.is_open()) return;
    const std::uint64_t now = now_ns();
    while (may_send() && connection.under_way < static_cast<std::uint64_t>(options_.window))
        publish(connection, now);
}

void Load::publish(Connection& connection, std::uint64_t due_ns) {
    const auto size = static_cast<std::size_t>(options_.size);
    const std::uint64_t first = tally_.messages_sent();
    std::uint64_t sequence = first;
    for (std::size_t at = 0; at < bodies_.size(); at += size, ++sequence) {
        const std::size_t cut = (sequence * 0x9E3779B97F4A7C15U) >> 44U;  // below pool_bytes
        std::copy_n(&pool_[cut], size - stamp_bytes, &bodies_[at + stamp_bytes]);
        stamp(&bodies_[at], due_ns, options_.first + sequence);
    }
    connection.pending.push_back({due_ns, now_ns(), first, false});
    ++connection.under_way;
    tally_.sent(sequence - first);
    connection.publish(bodies_, connection.next_tag++);
}

void Load::answered(Connection& connection, std::uint64_t tag, Which which, bool good) {
    auto& pending = connection.pending;
    if (tag < connection.first_tag || tag - connection.first_tag >= pending.size()) return;
    const auto last = static_cast<std::size_t>(tag - connection.first_tag);
    for (std::size_t at = which == Which::all_up_to ? 0 : last; at <= last; ++at) {
        if (pending[at].answered) continue;
        pending[at].answered = true;
        --connection.under_way;
        if (good) {
            tally_.acknowledged(
                pending[at].due_ns, pending[at].first, static_cast<std::uint64_t>(options_.batch));
        } else {
            tally_.refused(1);
        }
    }
    while (!pending.empty() && pending.front().answered) {
        pending.pop_front();
        ++connection.first_tag;
    }
}

void Load::flush_all() {
    for (const auto* all : {&senders_, &consumers_}) {
        for (const auto& one : *all) {
            if (!one->is_open() || !one->has_output() || one->waits_for_room) continue;
            flush(*one);
        }
    }
}

void Load::flush(Connection& connection) {
    try {
        const bool all = connection.flush();
        if (all == !connection.waits_for_room) return;
        connection.waits_for_room = !all;
        epoll_event event{};
        event.events = all ? EPOLLIN : EPOLLIN | EPOLLOUT;
        event.data.ptr = &connection;
        ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket(), &event);
    } catch (const Broken& why) {
        lost(connection, why);
    }
}

// What was under way has failed; the connection goes elsewhere, if the options say so.
void Load::lost(Connection& connection, const Broken& why) {
    if (options_.answer_within_ms == 0) throw why;
    tally_.refused(connection.under_way);
    tally_.reconnected();
    connection.pending.clear();
    connection.under_way = 0;
    connection.close();
    ++connection.endpoint;
}

bool Load::try_endpoints(Connection& connection, int within_ms) {
    for (std::size_t tries = 0; tries < options_.endpoints.size(); ++tries) {
        try {
            open(connection, within_ms);
            return true;
        } catch (const Broken&) {
            ++connection.endpoint;
        }
    }
    return false;
}

void Load::renew(std::uint64_t now) {
    if (now < next_look_ns_) return;
    next_look_ns_ = now + looks_every_ns;
    const auto patience = static_cast<std::uint64_t>(options_.answer_within_ms) * millisecond;
    for (const auto& one : senders_) {
        const bool waits = one->is_open() && !one->pending.empty();
        if (waits && now_ns() > one->pending.front().sent_ns + patience)
            lost(*one, Broken("no answer"));
        if (!one->is_open() && stopped_ns_ == 0) try_endpoints(*one, renewal_patience_ms);
    }
    for (const auto& one : consumers_)
        if (!one->is_open()) try_endpoints(*one, renewal_patience_ms);
}

void Load::on_readable(Connection& connection) {
    const ssize_t got = ::recv(connection.socket(), buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    try {
        if (got <= 0) throw Broken("a connection was ended by the server");
        connection.take({buffer_.data(), static_cast<std::size_t>(got)});
        connection.parse();
        connection.after_reading();
        if (connection.role() == Connection::Role::sender) fill(connection);
    } catch (const Broken& why) {
        lost(connection, why);
    }
}

void Load::wait(std::uint64_t now) {
    std::uint64_t rest = rests_at_most_ns;
    if (options_.rate > 0 && may_send()) {
        const std::uint64_t due = begin_ns_ + in_ns(static_cast<double>(due_) / options_.rate);
        rest = due > now ? std::min(due - now, rest) : millisecond;
    }
    const timespec time{0, static_cast<long>(rest)};
    std::array<epoll_event, 256> events;
    const int count = ::epoll_pwait2(epoll_, events.data(), events.size(), &time, nullptr);
    for (int at = 0; at < count; ++at) {
        const auto& event = events[static_cast<std::size_t>(at)];
        auto& connection = *static_cast<Connection*>(event.data.ptr);
        if ((event.events & EPOLLOUT) != 0 && connection.is_open()) flush(connection);
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && connection.is_open())
            on_readable(connection);
    }
}

}  // namespace penstock::load

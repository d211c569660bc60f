#include "tests/nemesis/links.h"

#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace penstock::nemesis {

namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t piece_bytes = 65'536;
constexpr std::size_t waiting_bytes_max = 4U << 20;
constexpr std::int64_t again_after_ms = 200;
constexpr std::int64_t again_after_ms_max = 3'200;
constexpr std::uint64_t whole = 100;
// Of a greeting: broker/replication/transport/{frame,hello}.h.
constexpr std::size_t greeting_node_at = 75;
constexpr std::size_t greeting_bytes = greeting_node_at + sizeof(std::uint64_t);

void shut(Tcp::socket& socket) {
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);  // a reset
    socket.close(ignored);
}

}  // namespace

// One direction of a connection: pieces with the time at which they may go on.
class Links::Flow {
  public:
    Flow(Links& links, Tcp::socket& source, Tcp::socket& target)
        : links_(links), source_(source), target_(target), timer_(links.context_) {}

    void begin(const std::shared_ptr<Relay>& relay, NodeNumber from, NodeNumber to);
    void read(const std::shared_ptr<Relay>& relay);
    void take(const std::shared_ptr<Relay>& relay, std::string bytes);
    void pass_on(const std::shared_ptr<Relay>& relay);

    void stop() { timer_.cancel(); }

  private:
    struct Piece {
        Clock::time_point due;
        std::string bytes;
    };

    [[nodiscard]] Clock::time_point due(std::size_t bytes);
    void write(const std::shared_ptr<Relay>& relay);

    Links& links_;
    Tcp::socket& source_;
    Tcp::socket& target_;
    asio::steady_timer timer_;
    NodeNumber from_ = 0;
    NodeNumber to_ = 0;
    std::deque<Piece> pieces_;
    std::size_t waiting_bytes_ = 0;
    Clock::time_point last_due_;
    bool reading_ = false;
    bool writing_ = false;
    std::array<char, piece_bytes> buffer_{};
};

// One connection, both ways.
class Links::Relay : public std::enable_shared_from_this<Relay> {
  public:
    Relay(Links& links, Tcp::socket dialer, NodeNumber to)
        : dialer_(std::move(dialer)),
          node_(links.context_),
          there_(links, dialer_, node_),
          back_(links, node_, dialer_),
          to_(to) {}

    void begin(std::uint16_t target, bool peers) {
        boost::system::error_code ignored;
        dialer_.set_option(Tcp::no_delay(true), ignored);
        node_.async_connect({asio::ip::make_address("127.0.0.1"), target},
                            [self = shared_from_this(), peers](boost::system::error_code failed) {
                                if (failed) return self->end();
                                boost::system::error_code never_mind;
                                self->node_.set_option(Tcp::no_delay(true), never_mind);
                                if (peers) return self->greet();
                                self->run(0, {});
                            });
    }

    void look_again() {
        if (!running_) return;
        there_.pass_on(shared_from_this());
        back_.pass_on(shared_from_this());
    }

    [[nodiscard]] bool is_between(NodeNumber one, NodeNumber other) const {
        const auto is = [](NodeNumber asked, NodeNumber node) {
            return asked == anyone || asked == node;
        };
        return (is(one, from_) && is(other, to_)) || (is(one, to_) && is(other, from_));
    }

    void end() {
        shut(dialer_);
        shut(node_);
        there_.stop();
        back_.stop();
    }

  private:
    void greet() {
        auto greeting = std::make_shared<std::array<char, greeting_bytes>>();
        asio::async_read(
            dialer_,
            asio::buffer(*greeting),
            [self = shared_from_this(), greeting](boost::system::error_code failed, std::size_t) {
                if (failed) return self->end();
                NodeNumber from = 0;
                std::memcpy(&from, greeting->data() + greeting_node_at, sizeof(from));
                self->run(from, {greeting->data(), greeting->size()});
            });
    }

    void run(NodeNumber from, std::string said) {
        from_ = from;
        running_ = true;
        there_.begin(shared_from_this(), from, to_);
        back_.begin(shared_from_this(), to_, from);
        if (!said.empty()) there_.take(shared_from_this(), std::move(said));
        there_.read(shared_from_this());
        back_.read(shared_from_this());
    }

    Tcp::socket dialer_;
    Tcp::socket node_;
    Flow there_;
    Flow back_;
    NodeNumber from_ = 0;
    NodeNumber to_;
    bool running_ = false;
};

void Links::Flow::begin(const std::shared_ptr<Relay>&, NodeNumber from, NodeNumber to) {
    from_ = from;
    to_ = to;
}

void Links::Flow::read(const std::shared_ptr<Relay>& relay) {
    if (reading_ || waiting_bytes_ > waiting_bytes_max) return;
    reading_ = true;
    source_.async_read_some(asio::buffer(buffer_),
                            [this, relay](boost::system::error_code failed, std::size_t count) {
                                reading_ = false;
                                if (failed) return relay->end();
                                take(relay, std::string(buffer_.data(), count));
                                read(relay);
                            });
}

void Links::Flow::take(const std::shared_ptr<Relay>& relay, std::string bytes) {
    waiting_bytes_ += bytes.size();
    const Clock::time_point at = due(bytes.size());
    pieces_.push_back({at, std::move(bytes)});
    pass_on(relay);
}

Clock::time_point Links::Flow::due(std::size_t bytes) {
    const Weather& weather = links_.between(from_, to_);
    std::int64_t late_ms = weather.delay_ms;
    if (weather.jitter_ms > 0) {
        late_ms += static_cast<std::int64_t>(
            links_.random_.below(static_cast<std::uint64_t>(weather.jitter_ms)));
    }
    for (std::int64_t again_ms = again_after_ms;
         again_ms <= again_after_ms_max && links_.random_.below(whole) < weather.loss_percent;
         again_ms *= 2) {
        late_ms += again_ms;
    }
    Clock::time_point at = std::max(Clock::now() + milliseconds(late_ms), last_due_);
    if (weather.bytes_per_s > 0) {
        const std::int64_t ms_per_s = 1'000;
        at += milliseconds(static_cast<std::int64_t>(bytes) * ms_per_s / weather.bytes_per_s);
    }
    last_due_ = at;
    return at;
}

void Links::Flow::pass_on(const std::shared_ptr<Relay>& relay) {
    if (writing_ || pieces_.empty() || links_.between(from_, to_).cut) return;
    if (pieces_.front().due <= Clock::now()) return write(relay);
    timer_.expires_at(pieces_.front().due);
    timer_.async_wait([this, relay](boost::system::error_code failed) {
        if (!failed) pass_on(relay);
    });
}

void Links::Flow::write(const std::shared_ptr<Relay>& relay) {
    writing_ = true;
    asio::async_write(target_,
                      asio::buffer(pieces_.front().bytes),
                      [this, relay](boost::system::error_code failed, std::size_t count) {
                          writing_ = false;
                          if (failed) return relay->end();
                          waiting_bytes_ -= count;
                          pieces_.pop_front();
                          pass_on(relay);
                          read(relay);
                      });
}

struct Links::Port {
    Tcp::acceptor acceptor;
    std::uint16_t target;
    NodeNumber to;
    bool peers;
};

Result<void> Links::listen(std::uint16_t port, std::uint16_t target, NodeNumber to, bool peers) {
    Tcp::acceptor acceptor(context_);
    boost::system::error_code failed;
    acceptor.open(Tcp::v4(), failed);
    acceptor.set_option(asio::socket_base::reuse_address(true), failed);
    acceptor.bind({asio::ip::make_address("127.0.0.1"), port}, failed);
    if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) return Error{Errc::unavailable, "port " + std::to_string(port) + " is taken"};
    ports_.push_back(std::make_shared<Port>(Port{std::move(acceptor), target, to, peers}));
    accept(ports_.back());
    return {};
}

void Links::accept(const std::shared_ptr<Port>& port) {
    port->acceptor.async_accept([this, port](boost::system::error_code failed, Tcp::socket socket) {
        if (!failed) {
            auto relay = std::make_shared<Relay>(*this, std::move(socket), port->to);
            relays_.push_back(relay);
            relay->begin(port->target, port->peers);
        }
        accept(port);
    });
}

const Weather& Links::between(NodeNumber from, NodeNumber to) {
    return weather_[{from, to}];
}

std::vector<std::shared_ptr<Links::Relay>> Links::relays() {
    std::vector<std::shared_ptr<Relay>> alive;
    relays_.remove_if([&](const std::weak_ptr<Relay>& one) {
        auto relay = one.lock();
        if (relay) alive.push_back(std::move(relay));
        return one.expired();
    });
    return alive;
}

void Links::look_again() {
    for (const auto& relay : relays()) relay->look_again();
}

void Links::set(NodeNumber from, NodeNumber to, const Weather& weather) {
    constexpr NodeNumber nodes_max = 32;
    for (NodeNumber one = 0; one <= nodes_max; ++one) {
        for (NodeNumber other = 0; other <= nodes_max; ++other) {
            // Wildcards mean nodes, not clients.
            const bool from_it = from == anyone ? one > 0 : one == from;
            const bool to_it = to == anyone ? other > 0 : other == to;
            if (from_it && to_it) weather_[{one, other}] = weather;
        }
    }
    look_again();
}

void Links::reset(NodeNumber one, NodeNumber other) {
    for (const auto& relay : relays()) {
        if (relay->is_between(one, other)) relay->end();
    }
}

void Links::storm(std::int64_t every_ms) {
    storm_every_ms_ = every_ms;
    storm_.cancel();
    if (every_ms > 0) strike(every_ms);
}

void Links::strike(std::int64_t every_ms) {
    constexpr std::uint64_t one_in = 4;
    for (const auto& relay : relays()) {
        if (random_.below(one_in) == 0) relay->end();
    }
    storm_.expires_after(milliseconds(every_ms));
    storm_.async_wait([this, every_ms](boost::system::error_code failed) {
        if (!failed && storm_every_ms_ == every_ms) strike(every_ms);
    });
}

void Links::heal() {
    storm(0);
    weather_.clear();
    look_again();
}

}  // namespace penstock::nemesis

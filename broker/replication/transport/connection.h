// Connection: one connection with another node, dialed or accepted, from its handshake to its end:
// TLS, a greeting in both directions, then frames. Whatever goes wrong ends this connection and
// nothing else. Owned by its coroutine and its pending write, on the transport's thread; it reports
// to its Owner, which outlives it.
#pragma once

#include "broker/replication/transport/frame.h"
#include "broker/replication/transport/questions.h"
#include "broker/replication/transport/send_queue.h"
#include "broker/replication/transport/surroundings.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace penstock::replication::transport {

using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

// Whom a dialer means to reach.
struct Aim {
    NodeId node;
    Lane lane = Lane::raft;
};

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    class Owner {
      public:
        virtual ~Owner() = default;

        // Who is there has been proved. Lets it stand (nothing), or says why not.
        virtual std::optional<Refused> admit(Connection& connection) = 0;
    };

    // `aim`: we dialed; nothing: we accepted.
    Connection(Surroundings& world, Owner& owner, Socket socket, std::optional<Aim> aim);

    // The whole life of the connection. When it ends, ended() says how.
    asio::awaitable<void> run();

    // False: the queue is full, or it does not stand.
    bool send(std::string message);

    // `take` is called in any case, by and by.
    void ask(std::string question, std::int64_t deadline_us, TakeAnswer take);

    // Ends in order: what is queued is still written, for a moment.
    void leave();

    // Ends now. What is under way fails; run() returns soon.
    void cut(LinkEnd how);
    void cut(Refused refused);

    // Looks at every deadline. A few times as often as the shortest of them.
    void tick(std::int64_t now_us);

    // This process stood still: what was silent meanwhile was not.
    void excuse(std::int64_t now_us) { heard_us_ = progress_us_ = now_us; }

    [[nodiscard]] bool standing() const { return phase_ == Phase::standing; }

    [[nodiscard]] bool handshaking() const { return phase_ == Phase::handshake; }

    [[nodiscard]] bool dialed() const { return aim_.has_value(); }

    [[nodiscard]] const std::optional<Aim>& aim() const { return aim_; }

    [[nodiscard]] Lane lane() const { return lane_; }

    [[nodiscard]] const Hello& hello() const { return hello_; }  // theirs, once greeted

    // Its wall clock less ours, when it last told: in its greeting and in every keep-alive.
    [[nodiscard]] std::int64_t clock_difference_ms() const { return clock_difference_ms_; }

    [[nodiscard]] std::int64_t clock_told_us() const { return clock_told_us_; }

    [[nodiscard]] std::size_t queued_bytes() const { return queue_.bytes(); }

    [[nodiscard]] LinkEnd ended() const { return how_; }

    [[nodiscard]] const std::string& problem() const { return problem_; }

    [[nodiscard]] std::int64_t stood_since_us() const { return stood_since_us_; }  // 0: never

  private:
    using ErrorCode = boost::system::error_code;
    using Done = std::tuple<ErrorCode, std::size_t>;
    enum class Phase : std::uint8_t { handshake, turning_away, standing, closed };

    // connection_greeting.cpp
    asio::awaitable<bool> secure();
    asio::awaitable<bool> greet();
    asio::awaitable<bool> enter_as_dialer();
    asio::awaitable<bool> enter_as_acceptor();
    asio::awaitable<bool> expect(FrameKind kind, Frame& frame);
    asio::awaitable<bool> next_frame(Frame& frame);
    asio::awaitable<bool> write_now(FrameKind kind, std::string payload);
    asio::awaitable<void> turn_away(Refused refused);
    std::optional<Refused> take_greeting(const std::string& bytes);
    std::optional<Refused> judge_identity();
    void note_tls_failure(const ErrorCode& failed);
    void note_refusal(const std::string& payload);
    void look_at_clock(std::int64_t their_wall_ms);
    void stand();

    // connection.cpp
    asio::awaitable<Done> read_some();
    asio::awaitable<bool> fill();
    asio::awaitable<void> converse();
    bool take_frames();
    bool take(Frame frame);
    void take_beat(const std::string& payload);
    bool take_from_dialer(Frame frame);
    bool take_from_acceptor(Frame frame);
    bool take_question(std::uint64_t correlation, std::string body);
    void answer(std::uint64_t correlation, std::optional<std::string> body);
    bool refuse_state(FrameDecoder::State state);
    void end_by(const ErrorCode& failed);
    bool push(Outgoing frame);
    void write();
    void refill();
    void write_rest();
    void on_written(const ErrorCode& failed, std::size_t bytes);
    bool wanted(const Outgoing& frame);
    void on_deadline();
    void close();
    Respond responder(std::uint64_t correlation);
    void fail(std::vector<Questions::Ended> ended);

    [[nodiscard]] std::int64_t now_us() const { return world_.clock.steady_us(); }

    Surroundings& world_;
    Owner& owner_;
    Socket socket_;
    std::optional<asio::ssl::stream<Socket&>> tls_;
    std::optional<Aim> aim_;
    std::string remote_;  // "10.0.0.3:40112"

    Phase phase_ = Phase::handshake;
    bool leaving_ = false;
    bool bye_written_ = false;
    LinkEnd how_ = LinkEnd::reset;
    std::string problem_;
    std::int64_t deadline_us_ = 0;  // of the handshake, or of leaving; 0: none
    std::int64_t heard_us_ = 0;
    std::int64_t sent_us_ = 0;
    std::int64_t progress_us_ = 0;
    std::int64_t stood_since_us_ = 0;

    Lane lane_ = Lane::raft;
    std::array<std::uint64_t, 2> nonce_{};
    Hello hello_;
    std::int64_t clock_difference_ms_ = 0;
    std::int64_t clock_told_us_ = 0;

    FrameEncoder encoder_;
    FrameDecoder decoder_;
    std::string chunk_;      // what the last read brought
    std::string_view rest_;  // of it, not yet looked at
    SendQueue queue_;
    std::string batch_;  // under way
    std::size_t batch_written_ = 0;
    bool writing_ = false;
    Questions questions_;                 // ours
    std::set<std::uint64_t> unanswered_;  // theirs
};

}  // namespace penstock::replication::transport

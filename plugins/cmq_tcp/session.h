// Session: one connection of CMQ TCP from its first byte to its end. Takes all frames that have
// come, asks the broker for each and answers in whatever order the broker does; answers of one turn
// leave in one write. Between frames it holds no buffer: an idle connection is its socket, its
// pulls and little else.
//
// Owned by what it waits for, entered in its lane; that lane's thread only. What goes wrong ends
// this connection and nothing else. Messages that a dead connection was to be given and that never
// left go back to their queue at once; those on their way come back after their visibility time.
#pragma once

#include "broker/api/broker.h"
#include "plugins/cmq_http/faults.h"
#include "plugins/cmq_tcp/counters.h"
#include "plugins/cmq_tcp/limits.h"
#include "plugins/cmq_tcp/producer.h"
#include "plugins/cmq_tcp/reply.h"
#include "plugins/cmq_tcp/request.h"
#include "plugins/cmq_tcp/stream.h"
#include "plugins/listener/lane.h"

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock::plugins::cmq_tcp {

// What the sessions of one lane share; outlives them.
struct Desk {
    Desk(api::Broker& asked, const TcpLimits& bounds, Counters& counted, std::uint64_t seed_of_ids);

    std::uint64_t next_request_id();

    api::Broker& broker;
    const TcpLimits& limits;
    Counters& counters;
    std::string scratch;  // what is read, until it is taken or put aside
    std::uint64_t seed;
    std::uint64_t replies = 0;
};

class Session final : public Connection, public std::enable_shared_from_this<Session> {
  public:
    Session(Lane& lane, Desk& desk, Stream stream);

    void start();  // enters the lane

    void expire() override;
    void cut() override;
    void release_memory() override;
    int native_handle() override;

  private:
    // A request on its way to its answer.
    struct Ticket {
        std::int64_t seqno = 0;
        std::int32_t command = 0;
        bool one_way = false;
        std::size_t bytes = 0;                     // of the frame it came in
        std::shared_ptr<LargeBytes::Share> share;  // of a large one
    };

    // A pull's messages while their answer is not yet the kernel's.
    struct Held {
        std::uint64_t end = 0;  // of its frame, in bytes since the connection began
        std::string queue;
        std::vector<model::Receipt> receipts;
    };

    void read();
    void await(Socket::wait_type readiness);
    void readable();
    void agreed();
    void take_input(std::string_view fresh);
    std::size_t take_frames(std::string_view input);
    [[nodiscard]] bool has_room(std::size_t frame_bytes);
    void look_for_room();
    [[nodiscard]] std::int64_t due_us() const;
    bool take(std::string_view payload, std::size_t bytes);
    bool admit(const Request& request, const Ticket& ticket);
    void greet(const Authenticate& claim, const Ticket& ticket);
    void echo(std::string_view payload);

    void ask(const Ticket& ticket, const Send& fields);
    void ask(const Ticket& ticket, const Pull& fields);
    void ask(const Ticket& ticket, const Remove& fields);
    void ask(const Ticket& ticket, const Publish& fields);
    void ask(const Ticket& ticket, const Confirm& fields);
    template <class R, class Told>
    void ask_broker(const Ticket& ticket, R request, Told told);
    void pulled(const Ticket& ticket,
                std::uint64_t pull,
                std::string queue,
                api::Outcome<api::ReceivedMessages> outcome);

    void answer(const Ticket& ticket, Reply reply);
    void refuse(const Ticket& ticket, const cmq::Failure& failure);
    void give_back(const std::string& queue, const std::vector<model::Receipt>& receipts);
    void produces(const std::string& queue);
    bool query(const std::string& queue, model::MessageId message);  // false: there is no room left

    void flush_soon();
    void flush();
    bool write_all();  // false: the connection is lost
    void go_on();
    void watch();
    void begin_to_end();
    void close();

    [[nodiscard]] bool full() const;
    [[nodiscard]] bool at_rest() const;

    [[nodiscard]] std::int64_t now_us() const { return lane_.shared().clock->steady_us(); }

    Lane& lane_;
    Desk& desk_;
    Stream stream_;
    api::Principal principal_;
    std::string rest_;  // an unfinished frame, and what waits until there is room
    std::shared_ptr<LargeBytes::Share> share_;  // of the unfinished frame, if it is large
    std::string output_;
    std::size_t sent_ = 0;  // of output_
    std::uint64_t sent_in_all_ = 0;
    std::deque<Held> held_;
    std::unordered_map<std::uint64_t, std::shared_ptr<api::Cancellation>> pulls_;
    std::uint64_t pulls_in_all_ = 0;
    std::shared_ptr<Producer> producer_;  // nullptr: it has sent no transactional message
    std::size_t requests_ = 0;            // under way, pulls apart
    std::size_t request_bytes_ = 0;
    std::int64_t greet_until_us_ = 0;  // 0: authenticated
    std::int64_t frame_until_us_ = 0;  // 0: no frame is unfinished
    std::int64_t write_until_us_ = 0;  // 0: nothing waits for the caller
    std::int64_t idle_until_us_ = 0;
    bool reading_ = false;
    bool starved_ = false;  // there is no room for the unfinished frame
    std::shared_ptr<Session> starving_;  // itself then: it reads nothing that would hold it
    bool writing_ = false;
    bool flushing_ = false;
    bool ending_ = false;  // no more requests; closes when all is answered
    bool closed_ = false;
};

}  // namespace penstock::plugins::cmq_tcp

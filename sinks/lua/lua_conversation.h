// LuaConversation: what the server and one penstock-lua process say to each other: scripts by role
// and version, messages, answers, and the calls a script makes (http, kv), which are carried out
// here. On the pool's thread; owned by its pool. A script that does not load disables the
// subscription, unless an older version of it runs in this process: then that one goes on.
#pragma once

#include "sinks/client/http_client.h"
#include "sinks/lua/lua_outcome.h"
#include "sinks/worker/conversation.h"
#include "sinks/worker/frame_link.h"
#include "sinks/worker/protocol.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::lua {

inline constexpr std::size_t output_bytes_max = 1 << 20;  // published for one message

// An answer with all that a script may give: a result of 1 MiB in base64, 1 MiB of values written
// and a thousand keys read, escaped.
inline constexpr std::size_t lua_frame_bytes_max = 6 << 20;

inline constexpr std::size_t calls_at_once_max = 512;  // of one process; each message makes one

// Which scripts of its subscription a process has.
enum class LuaDuty : std::uint8_t {
    handler,
    stage,  // filter and transform
};

// What conversations are made of. All of it outlives them.
struct LuaSurroundings {
    boost::asio::any_io_executor executor;
    const Clock& clock;
    client::HttpClient& http;
    api::Dispatch& dispatch;
};

class LuaConversation final : public worker::Conversation, private worker::FrameLink::Listener {
  public:
    using Ticket = worker::Host::Ticket;

    // `host` outlives it.
    LuaConversation(const LuaSurroundings& surroundings,
                    worker::Host& host,
                    LuaDuty duty,
                    std::string shown_name);
    ~LuaConversation() override;

    // Makes the pipes, the process' ends of them go into `files`, and sends the target's scripts;
    // the host hears ready() when all of them have been tried. Error{unavailable}: no descriptors.
    Result<void> open(const api::Target& target, std::vector<int>& files);

    void offer(Ticket ticket, const worker::Job& job) override;

    void flush() override { link_->flush(); }

    [[nodiscard]] bool has_room() const override { return link_->has_room(); }

    [[nodiscard]] bool has_seen(Ticket ticket) const override;
    void cancel(Ticket ticket) override;
    void end_input() override;

    void drain_output() override { link_->drain_output(); }

    void ended() override;

  private:
    // One role's script, as this process has it.
    struct Role {
        std::uint32_t sent = 0;     // version; 0: none
        std::uint32_t running = 0;  // the newest that loaded
        std::uint32_t awaited = 0;  // frames `loaded` still to come
        std::string problem;        // nothing of it runs: why
    };

    // A message in the process' hands.
    struct Flight {
        std::string role;
        std::uint32_t version = 0;  // of the script it went to
        std::uint64_t begin = 0;    // where its frame begins
        std::int64_t deadline_us = 0;
        model::SubscriptionNo subscription;
        std::string idempotency;
        std::vector<std::string> http_allow;
        std::uint64_t http_calls = 0;
        std::vector<api::HandlerOutput> outputs;
        std::size_t output_bytes = 0;  // of all that was published, kept or not
    };

    using Flights = std::map<Ticket, Flight>;

    void send_scripts(const api::Target& target);
    [[nodiscard]] worker::Outcome unloadable(const api::Target& target,
                                             const std::string& role) const;
    bool on_frame(std::string_view frame, worker::Heard heard) override;

    void on_stderr(std::string_view line) override { host_.output("stderr", line); }

    void on_breach(std::string_view what) override;

    void on_room() override { host_.room(); }

    void on_answer(Ticket ticket, worker::Heard heard);
    void extend(Ticket ticket, Flight& flight, std::uint64_t by_ms);
    void on_loaded(const worker::Loaded& loaded);
    void on_call(const worker::Heard& heard);
    void call_http(Flight& flight, const worker::Call& call);
    void call_kv(const Flight& flight, const worker::Call& call);
    [[nodiscard]] std::size_t open_calls();
    void on_called(const std::string& result);
    void answer_call(const std::string& frame);
    static void keep(Flight& flight, worker::Publish publish);

    LuaSurroundings world_;
    worker::Host& host_;
    LuaDuty duty_;
    std::string shown_name_;
    std::map<std::string, Role> roles_;
    Flights flights_;
    std::unique_ptr<worker::FrameLink> link_;
    std::size_t calls_ = 0;                     // under way
    std::deque<std::uint64_t> unread_answers_;  // to calls: where they begin; perhaps read by now
    bool ready_ = false;
    bool ending_ = false;
    bool ended_ = false;
    bool flush_posted_ = false;
    std::shared_ptr<LuaConversation*> self_;  // answers to calls may come after the end
};

}  // namespace penstock::sinks::lua

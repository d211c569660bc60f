// Referee: what a client may believe, kept from requests and answers alone, and the promises held
// against it: nothing acknowledged is lost, nothing comes after its acknowledged delete, a refusal
// has no effect ever, counts never restart, a message has one id and its own bytes. Knows nothing
// of the node. Owned by one simulation, one thread; complaints are text, gathered.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::simulation {

using Token = std::uint64_t;  // of a message, in its payload

// The bytes of the message with that token, and back.
std::string payload_of(Token token);
std::optional<Token> token_of(std::string_view payload);

// How a request ended, as far as its caller knows.
enum class Ending : std::uint8_t { done, refused, unknown };

class Referee {
  public:
    // Where messages may turn up: a queue by name, a subscription as TOPIC/NAME. Messages of
    // `place` that die go to `dead` (empty: nowhere).
    void add_place(const std::string& place, const std::string& dead);

    // The token the next message gets.
    [[nodiscard]] Token next() const { return next_; }

    // A message sent to a queue, or matched by a subscription when published.
    Token begin_send(const std::vector<std::string>& places, model::TimeMs not_before_ms);
    void end_send(Token token, Ending ending, std::optional<model::MessageId> id);

    // A receive or a hand-out.
    struct Sight {
        std::string place;
        std::string payload;
        model::MessageId id;
        std::uint32_t count = 0;  // the receive count or the attempt's number
        model::TimeMs now_ms = 0;
    };

    void seen(const Sight& sight);

    // Delete of a received message, or an accepted delivery.
    void begin_remove(const std::string& place, Token token);
    void end_remove(const std::string& place, Token token, Ending ending);

    // A delivery that failed as its attempt `number` is settled, durably.
    void failed(const std::string& place, Token token, std::uint32_t number);

    void begin_clear(const std::string& queue);
    void end_clear(const std::string& queue, Ending ending);

    // While a rewind is under way, and once more when it is done, consumed messages may come again,
    // with counts from 1.
    void begin_rewind(const std::string& queue);
    void end_rewind(const std::string& queue, Ending ending);

    // Dead letters of `queue` may go back to where they came from, with counts from 1. To be told
    // when it is asked for and when it is answered.
    void redriven(const std::string& queue);

    // What the promises say of a sight, and of all that a full drain found in each place, without
    // remembering either: for looking at what a crash would leave.
    using Found = std::map<std::string, std::set<Token>>;
    using Complaints = std::vector<std::string>;
    void judge(const Sight& sight, Complaints& complaints) const;
    void judge_all_there(const Found& found, Complaints& complaints) const;

    [[nodiscard]] const Complaints& complaints() const { return complaints_; }

    // Messages that must still be somewhere, or may.
    [[nodiscard]] std::size_t alive() const { return open_.size(); }

    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

  private:
    struct Message {
        Ending sent = Ending::unknown;
        bool ended = false;
        model::TimeMs not_before_ms = 0;
        std::optional<model::MessageId> id;
        std::vector<std::string> places;
    };

    // A message in one place.
    struct Copy {
        bool removed = false;        // acknowledged: must never come again
        bool doubted = false;        // a removal ended unknown, or was undone: need not come again
        std::uint32_t removals = 0;  // under way
        std::uint32_t count = 0;     // highest known
    };

    struct Place {
        std::string dead;
        bool exact_counts =
            true;  // a receive count always grows; an attempt may be handed out again
    };

    Copy& copy(const std::string& place, Token token) { return copies_[{token, place}]; }

    [[nodiscard]] bool is_gone(const std::string& place, Token token) const;
    [[nodiscard]] bool may_be_gone(const std::string& place, Token token) const;
    void close_if_gone(Token token);
    void allow_return(const std::string& queue);

    std::map<std::string, Place> places_;
    std::map<Token, Message> messages_;
    std::set<Token> open_;  // not certainly gone from everywhere
    std::map<std::pair<Token, std::string>, Copy> copies_;
    std::map<std::string, std::set<Token>> clearing_;  // by queue: acknowledged when it was asked
    std::set<std::string> rewinding_;
    Complaints complaints_;
    Token next_ = 1;
    std::uint64_t acknowledged_ = 0;
};

}  // namespace penstock::simulation

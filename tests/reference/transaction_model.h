// TransactionModel: what the transactional messages of one queue mean. A prepared message is seen
// by nobody. Committed it is in its queue from that moment on; rolled back it never was. Whoever
// does not confirm is asked: so long after the send a check falls due and waits for somebody who
// takes it; one that is taken counts, and so long after it the next one falls due. So long after
// the last one, and in any case when the queue's retention is over, the message is rolled back as
// unconfirmed. A confirmation may be repeated, and not turned around, for ten minutes after the
// end; then nobody knows the message any more. Values; one test, one thread.
#pragma once

#include "broker/model/transaction.h"
#include "tests/reference/queue_model.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace penstock::reference {

class TransactionModel {
  public:
    struct Policy {
        std::uint32_t first_query_s = 5;  // from the send to the first check, and between them
        std::uint32_t queries_max = 3;
        std::uint32_t retention_s = 120;  // the queue's
    };

    struct Prepared {
        std::string body;
        std::string key;
    };

    struct Confirmed {
        model::ConfirmResult result = model::ConfirmResult::unknown;
        std::optional<Prepared> committed;  // by this confirmation: it is in the queue now
    };

    struct Totals {
        std::uint64_t prepared = 0;
        std::uint64_t committed = 0;  // ever, as the two below
        std::uint64_t rolled_back = 0;
        std::uint64_t unconfirmed = 0;
        friend bool operator==(const Totals&, const Totals&) = default;
    };

    explicit TransactionModel(Policy policy) : policy_(policy) {}

    [[nodiscard]] const Policy& policy() const { return policy_; }

    // The interval is of what is sent from now on, how often is asked of all there is.
    void set(Policy policy, TimeMs now_ms);

    // `first_query_s` 0: the queue's.
    void prepare(MessageId id, Prepared message, std::uint32_t first_query_s, TimeMs now_ms);

    Confirmed confirm(MessageId id, bool commit, TimeMs now_ms);

    // The checks that wait for somebody, oldest messages first; from now on they count.
    std::vector<model::TransactionCheck> take(std::size_t max, TimeMs now_ms);

    // How many checks wait for somebody.
    std::size_t due(TimeMs now_ms);

    // What is prepared is gone, and so is how those of before ended.
    void clear(TimeMs now_ms);

    Totals totals(TimeMs now_ms);

    // How a message ended went out of mind so short a time ago that it need not have yet.
    [[nodiscard]] bool is_unsure(TimeMs now_ms) const;

  private:
    enum class Stage : std::uint8_t { waiting, asking, committed, rolled_back, unconfirmed };

    struct Message {
        Prepared prepared;
        Stage stage = Stage::waiting;
        TimeMs sent_ms = 0;
        TimeMs interval_ms = 0;
        TimeMs due_ms = 0;  // waiting: of the next check, or of the end after the last one
        TimeMs ended_ms = 0;
        std::uint32_t checks = 0;

        [[nodiscard]] bool is_open() const {
            return stage == Stage::waiting || stage == Stage::asking;
        }
    };

    // What falls due until then has.
    void pass_to(TimeMs now_ms);
    void end(Message& message, Stage stage, TimeMs at_ms);

    Policy policy_;
    Totals ended_;
    std::map<MessageId, Message> messages_;
};

}  // namespace penstock::reference

// Pair: one node and the model of its queues, their transactions and its topic, led through the
// same history. Each step is carried out on both; what differs first ends the history. Built twice:
// with a node in memory, and with PENSTOCK_OVER_HTTP with one behind its real front ends. One test,
// one thread.
#pragma once

#include "tests/reference/history.h"
#include "tests/reference/queue_model.h"
#include "tests/reference/topic_model.h"
#include "tests/reference/transaction_model.h"
#ifdef PENSTOCK_OVER_HTTP
#include "tests/reference/http_served.h"
#else
#include "tests/support/stepped_node.h"
#endif

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::reference {

#ifdef PENSTOCK_OVER_HTTP
using Subject = HttpServed;
#else
using Subject = testing::SteppedNode;
#endif

inline constexpr std::int64_t us_until_sure = 250'000;
inline const std::string topic_name = "news";

class Pair {
  public:
    Pair();

    // What differed first; empty: nothing.
    const std::string& play(const std::vector<Step>& steps);

  private:
    [[nodiscard]] TimeMs now() const { return node_.clock.wall_ms(); }

    QueueModel& model(std::size_t queue) { return models_.at(queue); }

    void complain(const std::string& what) {
        if (complaint_.empty()) complaint_ = what;
    }

    // Asks the node. Where the power fails meanwhile and the answer was not heard, the node is
    // asked again once it is back, and `repeated_` is set.
    template <class R>
    api::Outcome<typename R::Reply> carry_out(const R& request) {
        if (auto heard = ask_once(request)) return std::move(*heard);
        repeated_ = true;
        return node_.ask(request);
    }

    // The same; nothing: the answer was not heard, and the node is back.
    template <class R>
    std::optional<api::Outcome<typename R::Reply>> ask_once(const R& request) {
#ifndef PENSTOCK_OVER_HTTP
        if (power_) {
            constexpr int turns_max = 100;
            node_.disk.stop_after(power_->changes);
            const auto asked = node_.start(request);
            for (int turn = 0; turn < turns_max && !asked.answered(); ++turn) {
                if (!node_.node->step()) break;
            }
            std::optional<api::Outcome<typename R::Reply>> heard = *asked.outcome;
            start_again();
            return heard;
        }
#endif
        return node_.ask(request);
    }

    // It must not succeed, nor change anything.
    template <class R>
    void ask_in_vain(const R& request, const std::string& what) {
        if (carry_out(request)) complain(what);
    }

    void make_queue(std::size_t queue);
    void bind_dead_letters();
    [[nodiscard]] bool is_unsure() const;
    void until_sure();
    void play(const Step& step);
    void wait(std::int64_t pause_us);
    api::SendMessages new_messages(const Step& step);
    void send(const Step& step);
    void sent(std::size_t queue,
              const api::SendMessages& request,
              const api::Outcome<api::SentMessages>& answer);
    void receive(const Step& step);
    std::vector<Given> given_by(std::size_t queue,
                                const api::Outcome<api::ReceivedMessages>& answer);
    [[nodiscard]] Receipt receipt(const Step& step) const;
    void remove(const Step& step);
    void change_visibility(const Step& step);
    void rewind(const Step& step);
    void set(const Step& step);
    void clear(const Step& step);
    void look_at_the_dead();
    void bury();
    void compare_counts(std::size_t queue);

    // pair_transactions.cpp.
    void make_transactions(std::size_t queue);
    void prepare(const Step& step);
    [[nodiscard]] std::vector<MessageId> prepared(const Step& step) const;
    void confirm(const Step& step);
    void check(const Step& step);
    std::vector<model::TransactionCheck> taken_by(const api::Outcome<api::TakenChecks>& answer);
    void set_transactions(const Step& step, api::QueueChange& change);
    void compare_transactions(std::size_t queue, const api::QueueView& view);

    // pair_topic.cpp.
    void make_topic();
    void subscribe(std::size_t queue, const Tags& filter);
    void publish(const Step& step);
    void feed();
    void filter(const Step& step);
    void redrive();

    // crashes.cpp: the power fails in the middle of a command, and what became of it is found out.
    struct PowerCut {
        std::uint64_t changes = 0;  // of the disk until then
        std::uint64_t seed = 0;     // of what the disk forgets
    };

    using Batches = std::vector<std::vector<Given>>;

    void crash(const Step& step);
    void start_again();
    void cut_wait();
    Batches all_there_is(std::size_t queue);
    void find_sent(std::size_t queue, const api::SendMessages& request, const Batches& all);
    void find_leased(std::size_t queue, const api::ReceiveMessages& request, const Batches& all);
    void take_all(std::size_t queue, const Batches& all);

    Subject node_;
    std::vector<QueueModel> models_;  // what lies in the dead-letter queue is in dead_ instead
    std::map<std::size_t, TransactionModel> transactions_;  // of the queues that take some
    TopicModel topic_;                                      // feeds the first two queues
    std::set<std::string> dead_;
    std::set<std::string> perhaps_dead_;
    std::array<std::vector<Receipt>, queue_names.size()> receipts_;
    std::map<std::size_t, std::vector<MessageId>> prepared_;
    std::uint64_t next_body_ = 1;
    std::optional<PowerCut> power_;  // fails during the next command
    bool repeated_ = false;          // this step's command, without an answer to the first time
    std::string complaint_;
};

}  // namespace penstock::reference

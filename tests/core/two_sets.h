// Two data sets and the way between them, by hand: what is due in one outbox is applied to the
// other set, and the answers go back when the test says so. Owned by one test, one thread.
#pragma once

#include "broker/core/outbox_query.h"
#include "tests/core/commands.h"

#include <vector>

namespace penstock::testing {

inline constexpr model::SetId near_set{1};
inline constexpr model::SetId far_set{2};

inline model::Place far(model::ObjectNo number) {
    return {far_set, number};
}

struct TwoSets {
    CoreDriver near = CoreDriver::data_set();
    CoreDriver far = CoreDriver::data_set({.set = far_set});

    CoreDriver& set(model::SetId id) { return id == near_set ? near : far; }

    // The Transfers of what is due in one set for the other, above `after`.
    std::vector<model::Transfer> due(model::SetId from, std::uint64_t after = 0) {
        std::vector<model::Transfer> transfers;
        const model::SetId to = from == near_set ? far_set : near_set;
        for (core::OutboxItem& item : core::outbox_due(set(from).rows(), to, after, 1'000, 1'000)) {
            item.transfer.source = from;
            transfers.push_back(std::move(item.transfer));
        }
        return transfers;
    }

    // Applies one to its target, as an entry of its own.
    model::Transferred hand_over(const model::Transfer& transfer,
                                 const model::BodyInfo& info = body()) {
        CoreDriver& target = transfer.source == near_set ? far : near;
        return target.apply_as<model::Transferred>(transfer, {info});
    }

    void answer(const model::Transfer& transfer, const model::Transferred& reply) {
        model::TransfersAnswered command;
        command.target = transfer.source == near_set ? far_set : near_set;
        command.first = transfer.number;
        command.answers = {{reply.outcome, reply.reason, reply.detail}};
        set(transfer.source).done(command);
    }

    // All that is due in `from` goes over and is answered: the outcomes.
    std::vector<model::TransferOutcome> exchange(model::SetId from) {
        std::vector<model::TransferOutcome> outcomes;
        for (const model::Transfer& transfer : due(from)) {
            const model::Transferred reply = hand_over(transfer);
            outcomes.push_back(reply.outcome);
            answer(transfer, reply);
        }
        return outcomes;
    }

    [[nodiscard]] core::OutboxFigures figures(model::SetId from) {
        return core::outbox_figures(set(from).rows(), from == near_set ? far_set : near_set);
    }
};

inline std::vector<model::MessageId> received_ids(CoreDriver& driver, model::QueueNo queue) {
    std::vector<model::MessageId> ids;
    for (const auto& message : receive(driver, queue, 16)) ids.push_back(message.message);
    return ids;
}

}  // namespace penstock::testing

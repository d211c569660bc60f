// Backups as they are asked for: each by the node that leads the set (backups.h).
#include "broker/node/node.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

model::Refusal not_leading() {
    return {model::Reason::unavailable, {}, "another node leads the set: try again in a moment"};
}

model::Refusal denied() {
    return {model::Reason::denied, {}, "a backup is made with the root key only"};
}

}  // namespace

void Node::list_backup_sets(const CallPtr& call) {
    if (!call->root()) return completions_.refuse(call, denied());
    api::BackupSets known;
    known.sets.push_back(model::names_set.value);
    for (const model::SetId set : data_sets()) known.sets.push_back(set.value);
    completions_.answer(call, std::any(Outcome<api::BackupSets>(std::move(known))));
}

void Node::run_backup(const CallPtr& call, api::Request request, const Errand& errand) {
    const model::SetId set = errand.route.set;
    if (!call->root()) return completions_.refuse(call, denied());
    const std::vector<model::SetId> known = data_sets();
    if (set != model::names_set && std::find(known.begin(), known.end(), set) == known.end()) {
        return completions_.refuse(
            call, {model::Reason::invalid_parameter, "set", "there is no such set"});
    }
    HostedSet* here = hosted(set);
    const bool serves = set == model::names_set ? here->leading() : here && desk(set)->serving();
    if (!serves && (world_.neighbours == nullptr || errand.forwarded)) {
        return completions_.refuse(call, not_leading());
    }
    if (!serves) return world_.neighbours->forward(set, call, std::move(request), {}, true);
    // A copy that was made does not change any more.
    if (!std::holds_alternative<api::ChangeBackup>(request)) {
        return answer_backup(call, *here, request);
    }
    here->confirm([this, set, call, request = std::move(request)](bool leads) {
        HostedSet* confirmed = hosted(set);
        if (!leads || confirmed == nullptr) return completions_.refuse(call, not_leading());
        answer_backup(call, *confirmed, request);
    });
}

void Node::answer_backup(const CallPtr& call, HostedSet& set, const api::Request& request) {
    if (const auto* read = std::get_if<api::ReadBackup>(&request)) {
        const auto give = [call, mailbox = mailbox_](Outcome<api::BackupPiece> piece) {
            mailbox->post([call, piece = std::move(piece)](Node& node) {
                if (!piece) return node.completions().refuse(call, piece.error());
                node.completions().answer(call, std::any(piece));
            });
        };
        return open_->backups.read(*this, *read, give);
    }
    const auto* change = std::get_if<api::ChangeBackup>(&request);
    Outcome<api::BackupView> view = change != nullptr
                                        ? open_->backups.change(*this, set, *change)
                                        : open_->backups.look(std::get<api::GetBackup>(request));
    if (!view) return completions_.refuse(call, view.error());
    completions_.answer(call, std::any(std::move(view)));
}

}  // namespace penstock::node

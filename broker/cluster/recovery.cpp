#include "broker/cluster/recovery.h"

#include "broker/cluster/condemned.h"
#include "broker/cluster/folder.h"
#include "broker/core/data_query.h"
#include "broker/core/names_query.h"
#include "broker/core/placement.h"
#include "broker/core/state_machine.h"
#include "broker/node/conf_state_key.h"
#include "broker/replication/local_log.h"
#include "broker/replication/snapshot/incoming.h"

#include <algorithm>
#include <utility>

namespace penstock::cluster {

namespace {

constexpr int turns_max = 1'000;  // of set 0, for as many entries as its changes take
constexpr std::uint32_t numbers_per_command = 1'000;

}  // namespace

Result<void> Recovery::mark(bool begun) {
    const std::string path = data_folder_ + "/" + recovering_name;
    if (begun) {
        auto file = world_.disk.open(path, Disk::Open::create);
        if (!file) return file.error();
        if (auto synced = (*file)->sync(); !synced) return synced;
    } else if (auto removed = world_.disk.remove(path); !removed) {
        return removed;
    }
    return world_.disk.sync_folder(data_folder_);
}

Result<std::unique_ptr<Recovery>> Recovery::open(World world,
                                                 const std::string& data_folder,
                                                 const storage::LogStoreOptions& log) {
    auto identity = load_identity(world.disk, data_folder);
    if (!identity) return identity.error();
    if (!*identity) {
        return error(Errc::invalid,
                     data_folder + " belongs to no node of a cluster: there is nothing to recover "
                                   "(where only its file cluster is gone: penstock store salvage)");
    }
    auto recovery =
        std::make_unique<Recovery>(std::move(world), data_folder, std::move(**identity));
    auto begun = is_being_recovered(recovery->world_.disk, data_folder);
    if (!begun) return begun.error();
    recovery->begun_before_ = *begun;
    if (auto opened = recovery->open_sets(log); !opened) return opened.error();
    if (auto learnt = recovery->learn_nodes(); !learnt) return learnt.error();
    return recovery;
}

Result<void> Recovery::open_rows(SetId set) {
    auto rows = world_.open_rows(rows_folder(data_folder_, set));
    if (!rows) return rows.error();
    sets_[set] = std::make_unique<node::HostedSet>(
        set,
        std::move(*rows),
        set == model::names_set ? core::make_name_set() : core::make_data_set());
    return {};
}

Result<void> Recovery::open_store(const std::set<SetId>& unfinished,
                                  const storage::LogStoreOptions& options) {
    const auto applied = [&](SetId set) {
        if (unfinished.contains(set)) return storage::nothing_needed;
        const auto here = sets_.find(set);
        return here == sets_.end() ? 0 : here->second->row_store().flushed_applied();
    };
    auto store = storage::LogStore::open(world_.disk, data_folder_ + "/log", options, applied);
    if (!store) return store.error();
    store_ = std::move(*store);
    return {};
}

Result<void> Recovery::open_sets(const storage::LogStoreOptions& log) {
    const auto marked = replication::marked_sets(world_.disk, data_folder_);
    if (!marked) return marked.error();
    Departures departures(world_.disk, data_folder_);
    const auto leaving = departures.load();
    if (!leaving) return leaving.error();
    // What was fetched whole is taken into use, as a start would do; what was not is nothing yet.
    std::set<SetId> unfinished = *leaving;
    unfinished.insert(marked->begin(), marked->end());
    for (const SetId set : sets_with_rows(world_.disk, data_folder_)) {
        if (unfinished.contains(set)) continue;
        if (auto opened = open_rows(set); !opened) return opened;
    }
    if (auto opened = open_store(unfinished, log); !opened) return opened;
    const auto installed = finish_installs(world_.disk, data_folder_, *store_, departures);
    if (!installed) return installed.error();
    for (const SetId set : *installed) {
        if (auto opened = open_rows(set); !opened) return opened;
    }
    const auto names = sets_.find(model::names_set);
    const storage::LogStore::Range range = store_->range(model::names_set);
    if (names != sets_.end() &&
        (names->second->progress().applied > 0 || range.last >= range.first))
        return {};
    return error(Errc::invalid,
                 data_folder_ +
                     " holds nothing of set 0, which knows the queues, topics and keys: it cannot "
                     "be the survivor, choose another node's folder");
}

Result<void> Recovery::learn_nodes() {
    for (const Founder& founder : identity_.founders) {
        nodes_[NodeId{founder.node}] = founder.peer_address;
    }
    const node::HostedSet& names = *sets_.at(model::names_set);
    for (const model::NodeInfo& info : core::list_nodes(names.rows())) {
        nodes_[info.node] = info.peer_address;
    }
    const auto look = [this](const storage::StoredEntry& entry) {
        if (entry.kind != storage::EntryKind::command || entry.commands.empty()) return true;
        const auto commands = model::decode_commands(entry.commands);
        for (const model::Command& command : commands ? *commands : std::vector<model::Command>()) {
            const auto* put = std::get_if<model::PutNode>(&command);
            if (put != nullptr) nodes_[put->info.node] = put->info.peer_address;
        }
        return true;
    };
    return store_->scan(model::names_set, names.progress().applied + 1, look);
}

std::vector<PeerAddress> Recovery::others() const {
    std::vector<PeerAddress> others;
    for (const auto& [node, address] : nodes_) {
        if (node != self_) others.push_back({node, address});
    }
    return others;
}

replication::Members Recovery::members_of(const node::HostedSet& set) const {
    std::string state = set.conf_state();
    if (state.empty()) state = store_->conf_state(set.set());
    auto members = replication::decode_members(state);
    return members ? std::move(*members) : replication::Members{};
}

bool Recovery::is_alone() const {
    if (begun_before_ || !identity_.founders.empty() || !others().empty()) return false;
    return std::all_of(sets_.begin(), sets_.end(), [this](const auto& one) {
        const replication::Members sole{{self_}, {}};
        return members_of(*one.second) == sole;
    });
}

// A later term than any node was in: what the sets decide from here on is nobody else's.
Result<void> Recovery::replay() {
    for (const auto& [number, set] : sets_) {
        RecoveredSet& found = found_[number];
        found.set = number;
        found.last = store_->range(number).last;
        const auto term = store_->term_of(number, found.last);
        if (term) found.term = *term;
        const replication::Members members = members_of(*set);
        found.kind = members.is_voter(self_) ? ReplicaKind::voter : ReplicaKind::learner;
        storage::HardState state = store_->hard_state(number);
        ++state.term;
        state.vote = self_.value;
        state.commit = std::max(state.commit, found.last);
        store_->append_hard_state(number, state);
        auto opened = set->open(
            std::make_unique<replication::LocalLog>(number, *store_, set->progress().time_ms));
        if (!opened) return opened;
    }
    return store_->sync();
}

RecoveredSet Recovery::judge(const model::SetInfo& info) const {
    RecoveredSet set;
    set.set = info.set;
    const auto here = sets_.find(info.set);
    if (here != sets_.end() && here->second->applied() > 0) set = found_.at(info.set);
    const bool nothing_here = here == sets_.end() || here->second->applied() == 0;
    const model::Rows& names = sets_.at(model::names_set)->rows();
    if (info.set != model::names_set) set.objects = core::objects_in(names, info.set);
    if (nothing_here) set.kind = set.objects == 0 ? ReplicaKind::fresh : ReplicaKind::lost;
    return set;
}

// This node may have heard less of set 0 than of another set. What is made under a number that an
// object there has already would find the rows of that one, messages and all.
std::vector<model::Command> Recovery::skip_numbers() const {
    model::ObjectNo last;
    for (const auto& [number, set] : sets_) {
        if (number != model::names_set) last = std::max(last, core::highest_number(set->rows()));
    }
    std::vector<model::Command> commands;
    std::uint32_t next = core::next_number(sets_.at(model::names_set)->rows()).value;
    while (next <= last.value) {
        model::ReserveNames reserve;
        model::ReleaseNames release{{}, false};
        while (next <= last.value && release.numbers.size() < numbers_per_command) {
            // No user's name begins with a dot.
            reserve.names.push_back({model::ObjectKind::queue, "." + std::to_string(next)});
            release.numbers.emplace_back(next++);
        }
        commands.emplace_back(std::move(reserve));
        commands.emplace_back(std::move(release));
    }
    return commands;
}

std::vector<model::Command> Recovery::changes_of_names(Recovered& recovered) {
    const model::Rows& names = sets_.at(model::names_set)->rows();
    std::vector<model::Command> commands = skip_numbers();
    const auto nodes = core::list_nodes(names);
    const bool known = std::any_of(nodes.begin(), nodes.end(), [this](const model::NodeInfo& info) {
        return info.node == self_;
    });
    model::NodeInfo own;
    own.node = self_;
    own.peer_address = nodes_[self_];
    if (!known) commands.emplace_back(model::PutNode{own});
    // Whatever was planned for it, it is needed now.
    commands.emplace_back(model::MarkLeaving{self_, false});
    std::map<SetId, model::SetInfo> sets;
    sets[model::names_set].set = model::names_set;
    for (model::SetInfo& info : core::list_sets(names)) sets[info.set] = std::move(info);
    for (auto& [number, info] : sets) {
        const RecoveredSet found = judge(info);
        info.replicas.clear();
        if (found.kind != ReplicaKind::lost) info.replicas.push_back(self_);
        commands.emplace_back(model::PutSet{info});
        recovered.sets.push_back(found);
    }
    for (const PeerAddress& other : others()) {
        commands.emplace_back(model::DropNode{other.node});
        recovered.forgotten.push_back(other.node);
    }
    return commands;
}

Result<void> Recovery::rewrite_names(Recovered& recovered) {
    node::HostedSet& names = *sets_.at(model::names_set);
    auto refusal = std::make_shared<std::optional<model::Refusal>>();
    auto missing = std::make_shared<std::size_t>(0);
    const auto done = [refusal, missing](const model::Reply& reply) {
        --*missing;
        if (const auto* refused = std::get_if<model::Refusal>(&reply)) *refusal = *refused;
    };
    for (model::Command& command : changes_of_names(recovered)) {
        ++*missing;
        names.submit(node::Submission{std::move(command), {}, nullptr, done});
    }
    for (int turn = 0; turn<turns_max&& * missing> 0; ++turn) {
        names.propose(world_.clock.wall_ms(), world_.clock.steady_us());
        if (auto synced = store_->sync(); !synced) return synced;
        node::TurnEffects effects;
        const std::int64_t now_us = world_.clock.steady_us();
        if (auto finished = names.finish(effects, now_us); !finished) return finished;
    }
    if (*refusal) return error(Errc::invalid, "set 0 refuses: " + (*refusal)->detail);
    return {};
}

Result<void> Recovery::make_sole_voter(SetId set) {
    const std::string sole = replication::encode_members({{self_}, {}});
    const auto here = sets_.find(set);
    const bool rows = here != sets_.end() && here->second->applied() > 0;
    if (!rows && store_->start(set).index == 0) {
        // As a new set of one founder.
        storage::HardState state = store_->hard_state(set);
        state = {state.term + 1, self_.value, replication::imagined_index};
        store_->replace_log(set, {replication::imagined_index, 1});
        store_->append_hard_state(set, state);
    }
    store_->append_conf_state(set, sole);
    if (!rows) return {};
    storage::RowStore& row_store = here->second->row_store();
    const model::RowBatch batch{
        {model::RowWrite::Kind::put, std::string(node::conf_state_key), sole}};
    if (auto put = row_store.apply(batch, here->second->applied()); !put) return put;
    return row_store.flush();
}

Result<Recovered> Recovery::run() {
    Recovered recovered;
    recovered.incarnation = identity_.incarnation + 1;
    if (auto marked = mark(true); !marked) return marked.error();
    if (auto replayed = replay(); !replayed) return replayed.error();
    if (auto rewritten = rewrite_names(recovered); !rewritten) return rewritten.error();
    for (const RecoveredSet& set : recovered.sets) {
        if (set.kind == ReplicaKind::lost) continue;
        if (auto made = make_sole_voter(set.set); !made) return made.error();
    }
    if (auto synced = store_->sync(); !synced) return synced.error();
    identity_.incarnation = recovered.incarnation;
    identity_.founders.clear();
    if (auto saved = save_identity(world_.disk, data_folder_, identity_); !saved) {
        return saved.error();
    }
    const auto pardoned = pardon(world_.disk, data_folder_);
    if (!pardoned) return pardoned.error();
    recovered.condemned = *pardoned;
    if (auto unmarked = mark(false); !unmarked) return unmarked.error();
    return recovered;
}

}  // namespace penstock::cluster

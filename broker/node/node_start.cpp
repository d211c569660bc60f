// A node's start and end: opening and replaying, the first keys, what is shown of it, closing.
#include "broker/base/log.h"
#include "broker/base/planted.h"
#include "broker/model/format.h"
#include "broker/node/node.h"
#include "broker/replication/local_log.h"

#include <set>
#include <string>
#include <utility>

namespace penstock::node {

namespace {

constexpr std::size_t key_id_bytes = 16;
constexpr std::size_t secret_bytes = 24;
constexpr int recover_turns_max = 100'000;

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text.push_back(digits[value >> 4U]);
        text.push_back(digits[value & 0xFU]);
    }
    return text;
}

std::string_view to_text(storage::SpaceLevel level) {
    switch (level) {
        case storage::SpaceLevel::normal:
            return "normal";
        case storage::SpaceLevel::below_reserve:
            return "below_reserve";
        case storage::SpaceLevel::exhausted:
            break;
    }
    return "exhausted";
}

}  // namespace

std::string Node::rows_folder(model::SetId set) const {
    return options_.data_folder + "/rows/set-" + std::to_string(set.value);
}

Result<std::unique_ptr<HostedSet>> Node::open_rows(model::SetId set,
                                                   std::unique_ptr<core::StateMachine> machine) {
    auto rows = world_.open_rows(rows_folder(set));
    if (!rows) return rows.error();
    return std::make_unique<HostedSet>(set, std::move(*rows), std::move(machine));
}

Result<void> Node::open_log(HostedSet& set) {
    if (world_.neighbours == nullptr) {
        return set.open(
            std::make_unique<replication::LocalLog>(set.set(), *store_, set.progress().time_ms));
    }
    auto log = world_.neighbours->open_log(set, *store_);
    if (!log) return log.error();
    return set.open(std::move(*log));
}

std::vector<model::SetId> Node::data_sets_here() {
    if (world_.neighbours != nullptr)
        return world_.neighbours->hosted(names_set_ ? &names_set_->rows() : nullptr);
    std::vector<model::SetId> sets;
    for (std::uint16_t number = 1; number <= options_.data_sets; ++number) {
        sets.emplace_back(number);
    }
    // A backup of a cluster brings as many as that had.
    const auto folders = world_.disk.list(options_.data_folder + "/rows");
    for (const std::string& folder : folders ? *folders : std::vector<std::string>()) {
        if (!folder.starts_with("set-")) continue;
        const auto number = model::parse_decimal(std::string_view(folder).substr(4));
        if (!number || *number <= options_.data_sets || *number >= 1U << model::set_bits) continue;
        sets.emplace_back(static_cast<std::uint16_t>(*number));
    }
    return sets;
}

Result<void> Node::open_rows_of(const std::set<model::SetId>& sets) {
    if (sets.contains(model::names_set)) {
        auto names = open_rows(model::names_set, core::make_name_set());
        if (!names) return names.error();
        names_set_ = std::move(*names);
    }
    for (const model::SetId set : sets) {
        if (set == model::names_set) continue;
        auto data = open_rows(set, core::make_data_set());
        if (!data) return data.error();
        data_sets_.push_back(std::move(*data));
    }
    return {};
}

Result<void> Node::open_store(const std::set<model::SetId>& being_replaced) {
    const auto applied = [&](model::SetId wanted) {
        if (being_replaced.contains(wanted)) return storage::nothing_needed;
        model::LogIndex index = 0;
        each_set([&](HostedSet& set) {
            if (set.set() == wanted) index = set.row_store().flushed_applied();
        });
        return index;
    };
    auto store =
        storage::LogStore::open(world_.disk, options_.data_folder + "/log", options_.log, applied);
    if (!store) return store.error();
    store_ = std::move(*store);
    return {};
}

Result<void> Node::open_sets() {
    // Sets whose state was being replaced when the last run ended: their rows are not to be opened.
    std::set<model::SetId> marked;
    if (world_.neighbours != nullptr) {
        auto found = world_.neighbours->being_replaced();
        if (!found) return found.error();
        marked = std::move(*found);
    }
    if (!marked.contains(model::names_set)) {
        if (auto opened = open_rows_of({model::names_set}); !opened) return opened;
    }
    std::set<model::SetId> whole;
    for (const model::SetId set : data_sets_here()) {
        if (!marked.contains(set)) whole.insert(set);
    }
    if (auto opened = open_rows_of(whole); !opened) return opened;
    if (auto opened = open_store(marked); !opened) return opened;
    if (!marked.empty()) {
        const auto here = world_.neighbours->finish_replacing(*store_);
        if (!here) return here.error();
        if (auto opened = open_rows_of(*here); !opened) return opened;
    }
    std::optional<Error> failure;
    each_set([&](HostedSet& set) {
        if (failure) return;
        if (auto opened = open_log(set); !opened) failure = opened.error();
        // Who stands alone has nobody to wait for.
        if (world_.neighbours == nullptr) set.raise_format(model::known_formats().most);
    });
    if (failure) return *failure;
    return {};
}

Result<void> Node::open() {
    for (const char* folder : {"/log", "/rows"}) {
        if (auto made = world_.disk.make_folder(options_.data_folder + folder); !made) {
            return made.error();
        }
    }
    if (auto opened = open_sets(); !opened) return opened.error();
    started_ms_ = world_.clock.wall_ms();
    swept_us_ = world_.clock.steady_us();
    open_ = std::make_unique<Opened>(*this);
    if (auto cleared = open_->backups.clear(); !cleared) return cleared;
    open_->background.add(*names_set_);
    for (auto& set : std::exchange(data_sets_, {})) add_desk(std::move(set));
    publish_keys();
    if (world_.neighbours == nullptr) {
        if (auto first = first_start(); !first) return first.error();
        for (const auto& [set, desk] : open_->desks) desk->look_at_leadership(init_of_set());
        for (int turn = 0; turn < recover_turns_max && waiting(); ++turn) {
            if (auto committed = commit(); !committed) return committed.error();
        }
    } else if (core::list_keys(names_set_->rows()).empty()) {
        if (auto chosen = choose_first_key(); !chosen) return chosen.error();
        publish_keys();
    }
    // The first turn opens letters before it begins: by then the neighbours know whose they are.
    if (world_.neighbours != nullptr) {
        world_.neighbours->begin_turn(*this, world_.clock.steady_us());
    }
    ready_ = true;
    return {};
}

void Node::add_desk(std::unique_ptr<HostedSet> set) {
    open_->background.add(*set);
    const model::SetId number = set->set();
    auto desk = std::make_unique<DataDesk>(open_->shared, std::move(set));
    if (listener_ != nullptr) desk->attach(*listener_);
    open_->desks.emplace(number, std::move(desk));
}

Result<void> Node::host(model::SetId set) {
    if (open_->desks.contains(set)) return {};
    if (const auto resting = open_->resting.find(set); resting != open_->resting.end()) {
        auto rows = world_.open_rows(rows_folder(set));
        if (!rows) return rows.error();
        HostedSet& here = resting->second->set();
        here.reopen(std::move(*rows));
        if (auto opened = open_log(here); !opened) return opened;
        open_->background.add(here);
        open_->desks.insert(open_->resting.extract(resting));
        return {};
    }
    auto data = open_rows(set, core::make_data_set());
    if (!data) return data.error();
    if (auto opened = open_log(**data); !opened) return opened.error();
    add_desk(std::move(*data));
    return {};
}

void Node::leave(model::SetId set) {
    const auto desk = open_->desks.find(set);
    if (desk == open_->desks.end()) return;
    open_->background.remove(set);
    desk->second->set().close();
    desk->second->look_at_leadership(init_of_set());
    open_->resting.insert(open_->desks.extract(desk));
}

void Node::suspend(model::SetId set) {
    open_->background.remove(set);
    hosted(set)->close();
}

Result<void> Node::resume(model::SetId set) {
    HostedSet& here = *hosted(set);
    auto rows = world_.open_rows(rows_folder(set));
    if (!rows) return rows.error();
    const model::RowWrite sends{model::RowWrite::Kind::erase_range, "k", "l"};
    if (planted(K8)) (void)(*rows)->apply({sends}, core::progress(**rows).applied);
    here.reopen(std::move(*rows));
    if (auto opened = open_log(here); !opened) return opened;
    open_->background.add(here);
    if (set == model::names_set) publish_keys();
    return {};
}

std::vector<DataDesk*> Node::desks() {
    std::vector<DataDesk*> all;
    for (const auto& [set, desk] : open_->desks) all.push_back(desk.get());
    return all;
}

bool Node::waiting() {
    bool any = false;
    each_set([&](HostedSet& set) { any = any || set.waiting(); });
    return any;
}

// The receipt key counts only the first time, the rest follows the configuration.
model::InitSet Node::init_of_set() {
    model::InitSet init;
    for (std::uint64_t& part : init.receipt_key) part = world_.random.next();
    init.track_retention_s = options_.track_retention_s;
    init.track_bytes_max = options_.track_bytes_max;
    return init;
}

Result<void> Node::choose_first_key() {
    if (options_.dev) {
        local_key_ = RootKey{dev_key_id, dev_key_secret};
        return {};
    }
    first_key_ = RootKey{"AKID" + hex(world_.random.fill(key_id_bytes)),
                         hex(world_.random.fill(secret_bytes))};
    // Kept before it is valid: a crash in between leaves a file that the next start overwrites.
    if (options_.save_root_key) {
        if (auto saved = options_.save_root_key(*first_key_); !saved) return saved.error();
    }
    local_key_ = first_key_;
    return {};
}

Result<void> Node::first_start() {
    bool has_root = false;
    bool has_dev = false;
    for (const core::KeyInfo& key : core::list_keys(names_set_->rows())) {
        const bool dev = key.key_id == dev_key_id;
        has_dev = has_dev || dev;
        has_root = has_root || (key.root && !dev);
    }
    if (options_.dev ? has_dev : has_root) return {};
    if (auto chosen = choose_first_key(); !chosen) return chosen;
    put_first_key();
    return {};
}

void Node::use_first_key(RootKey key) {
    local_key_ = std::move(key);
    publish_keys();
}

void Node::put_first_key() {
    if (!local_key_) return;
    const model::PutKey key{local_key_->key_id, local_key_->secret, true};
    names_set_->submit(Submission{key, {}, nullptr, {}});
}

void Node::publish_keys() {
    auto keys = std::make_shared<Keys>();
    const std::vector<core::KeyInfo> known = core::list_keys(names_set_->rows());
    if (!known.empty()) local_key_.reset();
    // Before set 0 has one: the key it will begin with.
    if (local_key_) {
        keys->emplace(local_key_->key_id,
                      core::KeyInfo{local_key_->key_id, local_key_->secret, true});
    }
    for (const core::KeyInfo& key : known) {
        // The well-known key of a folder that once ran with `dev` opens nothing without it.
        if (key.key_id == dev_key_id && !options_.dev) continue;
        keys->emplace(key.key_id, key);
    }
    keys_.store(std::move(keys));
}

std::optional<api::AccessKey> Node::key_of(std::string_view key_id) const {
    const std::shared_ptr<const Keys> keys = keys_.load();
    if (!keys) return {};
    const auto found = keys->find(key_id);
    if (found == keys->end()) return {};
    return api::AccessKey{found->second.secret, found->second.root};
}

const core::NamePage& Node::first_names(model::ObjectKind kind) {
    return first_names_.of(names_set_->rows(), names_set_->applied(), kind);
}

api::ServerStatus Node::status() {
    const storage::LogStoreStats log = store_->stats();
    api::ServerStatus status;
    status.ready = ready_;
    status.version = options_.version;
    status.data_folder = options_.data_folder;
    status.started_ms = started_ms_;
    status.dev = options_.dev;
    status.space = to_text(store_->space());
    status.log_bytes = log.bytes;
    status.log_segments = log.segments;
    status.live_bodies = log.bodies_live;
    status.damaged_records = log.damaged_records;
    status.rows_bytes = names_set_->row_store().bytes_on_disk();
    for (const auto& [set, desk] : open_->desks) {
        status.quarantined += desk->receiving().quarantined();
        status.rows_bytes += desk->set().row_store().bytes_on_disk();
        status.applied += desk->set().applied();
        status.waiters += desk->receiving().waiters().size();
    }
    status.queues = first_names(model::ObjectKind::queue).total;
    status.topics = first_names(model::ObjectKind::topic).total;
    status.subscriptions = first_names(model::ObjectKind::subscription).total;
    return status;
}

Result<void> Node::close() {
    ready_ = false;
    stopping_ = true;
    for (const auto& letter : mailbox_->take_all()) letter->return_to_sender();
    for (const CallPtr& call : calls_) {
        const bool proposed = call->proposed();
        completions_.refuse(call,
                            {proposed ? model::Reason::unknown_outcome : model::Reason::unavailable,
                             {},
                             "the server stops"});
    }
    calls_.clear();
    for (const auto& [set, desk] : open_->desks) {
        desk->receiving().stop();
        desk->checking().stop();
    }
    completions_.flush();
    std::optional<Error> failure;
    each_set([&](HostedSet& set) {
        auto flushed = set.row_store().flush();
        if (!flushed && !failure) failure = flushed.error();
    });
    if (failure) return *failure;
    return {};
}

}  // namespace penstock::node

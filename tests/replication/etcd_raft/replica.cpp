#include "tests/replication/etcd_raft/replica.h"

#include "broker/base/hash.h"
#include "tests/replication/etcd_raft/engine_under_test.h"

#include <algorithm>

namespace penstock::replication::testing {

namespace {

constexpr int turns_max = 200;

std::uint64_t chain(std::uint64_t hash, const RaftEntry& entry, const Payload& payload) {
    return hash64(payload ? *payload : "", mix64(hash ^ mix64(entry.term)) + entry.index);
}

}  // namespace

Message Packet::view() const {
    Message seen = message;
    seen.entries = entries;
    seen.context = context;
    seen.snapshot = snapshot ? &*snapshot : nullptr;
    return seen;
}

const StoredEntry* Disk::find(LogIndex index) const {
    if (index <= before_first.index || index > last()) return nullptr;
    return &log[index - before_first.index - 1];
}

Replica::Replica(NodeId node, World& world, const EngineOptions& options, Faults faults)
    : node_(node), world_(world), options_(options), faults_(faults) {}

void Replica::found(const Members& members) {
    disk_.hard_state = {.term = 1, .vote = 0, .commit = 1};
    disk_.before_first = {1, 1};
    disk_.flushed = disk_.snapshot = {.applied = {1, 1}, .hash = 1, .members = members};
}

void Replica::start() {
    rows_ = disk_.flushed;
    EngineConfig config;
    config.node = node_;
    config.boot = 1 + world_.below(1ULL << 60);
    config.hard_state = disk_.hard_state;
    config.applied = rows_.applied.index;
    config.members = rows_.members;
    config.snapshot = {disk_.snapshot.applied, disk_.snapshot.members};
    config.before_first = disk_.before_first;
    // Everything up to what is applied stays on disk.
    const StoredEntry* applied = disk_.find(rows_.applied.index);
    config.before_tail =
        applied == nullptr ? disk_.before_first : LogPoint{applied->term, rows_.applied.index};
    std::vector<RaftEntry> tail;
    for (LogIndex at = config.before_tail.index + 1; at <= disk_.last(); ++at) {
        const StoredEntry& stored = *disk_.find(at);
        tail.push_back({stored.term, at, stored.kind, 0, nullptr});
        if (!stored.payload) continue;
        window_[at] = std::make_shared<const std::string>(*stored.payload);
        tail.back().bytes = static_cast<std::uint32_t>(stored.payload->size());
        tail.back().payload = window_[at]->data();
    }
    config.tail = tail;
    config.options = options_;
    config.older_heads = [this](LogIndex first, std::span<EntryHead> heads) {
        return older_heads(first, heads);
    };
    auto engine = Engine::open(library(), std::move(config));
    if (!engine) return world_.complain("does not open: " + engine.error().detail);
    engine_ = std::move(*engine);
}

void Replica::crash() {
    engine_.reset();
    window_.clear();
    leaving_.clear();
    staged_.clear();
    inbox_.clear();
    proposals_.clear();
    incoming_.clear();
    input = {};
    advance_ = false;
    led_term_ = 0;
}

std::size_t Replica::older_heads(LogIndex first, std::span<EntryHead> heads) {
    std::size_t found = 0;
    for (; found < heads.size(); ++found) {
        const StoredEntry* stored = disk_.find(first + found);
        if (stored == nullptr) break;
        const std::size_t bytes = stored->payload ? stored->payload->size() : 0;
        heads[found] = {stored->term, stored->kind, static_cast<std::uint32_t>(bytes)};
    }
    ++cold_reads_;
    return found;
}

void Replica::receive(const Packet& packet) {
    if (packet.snapshot)
        incoming_[packet.snapshot->point.index] = {
            packet.snapshot->point, packet.snapshot_hash, packet.snapshot->members};
    inbox_.push_back(packet);
}

void Replica::propose(std::string payload, EntryKind kind) {
    const auto kept = std::make_shared<const std::string>(std::move(payload));
    staged_[kept->data()] = kept;
    proposals_.push_back({0, 0, kind, static_cast<std::uint32_t>(kept->size()), kept->data()});
}

const EngineOutput& Replica::cycle() {
    std::vector<Message> messages;
    for (const Packet& packet : inbox_) {
        messages.push_back(packet.view());
        for (const Payload& payload : packet.payloads)
            if (payload) staged_[payload->data()] = payload;
    }
    input.advance = advance_;
    input.messages = messages;
    input.proposals = proposals_;
    const EngineOutput& output = engine_->cycle(input);
    proposals_dropped_ = output.proposals_dropped;
    refused_ += output.messages_refused;
    inbox_.clear();
    proposals_.clear();
    input = {};
    advance_ = output.has_work;
    leaving_.clear();
    return output;
}

bool Replica::turn(CrashPoint crash_at) {
    const EngineOutput& output = cycle();
    if (engine_->gone() == Engine::Gone::lost_log) {
        lost_log_ = true;
        crash();
        return false;
    }
    if (!output.has_work) return false;
    if (engine_->leads() && engine_->term() != led_term_) {
        led_term_ = engine_->term();
        world_.leads(node_, led_term_);
    }
    if (output.snapshot != nullptr) drop_payloads(0);
    keep_payloads(output.entries);
    staged_.clear();
    for (const Message& message : output.early_messages) send(message);
    const auto is_early = [&](const Message& message) {
        return faults_.all_early || (faults_.appends_early && message.type == MessageType::append);
    };
    for (const Message& message : output.late_messages)
        if (is_early(message)) send(message);
    if (crash_at == CrashPoint::before_write) return crash(), false;
    const bool whole = write(output, crash_at == CrashPoint::in_write);
    if (!whole || crash_at == CrashPoint::after_write) return crash(), false;
    for (const Message& message : output.late_messages)
        if (!is_early(message)) send(message);
    for (const RaftEntry& entry : output.committed) {
        if (!apply(entry)) return crash(), false;
        if (engine_->gone() != Engine::Gone::no) break;
    }
    for (const ReadState& read : output.reads) world_.answered(node_, read);
    removed_ = engine_->gone() != Engine::Gone::no;
    if (!removed_ && !faults_.snapshots_late && engine_->snapshot_due())
        make_snapshot(world_.below(30));
    if (removed_ || crash_at == CrashPoint::after_apply) return crash(), false;
    return true;
}

void Replica::settle() {
    for (int turns = 0; up() && turn(); ++turns)
        if (turns == turns_max) return world_.complain("does not come to rest");
}

void Replica::drop_payloads(LogIndex from) {
    for (auto at = window_.lower_bound(from); at != window_.end();) {
        leaving_.push_back(at->second);
        at = window_.erase(at);
    }
}

void Replica::keep_payloads(std::span<const RaftEntry> entries) {
    if (entries.empty()) return;
    drop_payloads(entries.front().index);
    for (const RaftEntry& entry : entries)
        if (entry.bytes > 0) window_[entry.index] = staged_.at(entry.payload);
}

Payload Replica::payload_of(const RaftEntry& entry) const {
    if (entry.bytes == 0) return nullptr;
    const auto kept = window_.find(entry.index);
    if (kept != window_.end() && kept->second->data() == entry.payload) return kept->second;
    if (!entry.on_disk()) return std::make_shared<const std::string>(entry.text());
    const StoredEntry* stored = disk_.find(entry.index);
    return stored != nullptr && stored->term == entry.term ? stored->payload : nullptr;
}

void Replica::send(const Message& message) {
    Packet packet{.message = message,
                  .entries = {message.entries.begin(), message.entries.end()},
                  .payloads = {},
                  .context = std::string(message.context),
                  .snapshot = {},
                  .snapshot_hash = 0};
    for (RaftEntry& entry : packet.entries) {
        packet.payloads.push_back(payload_of(entry));
        if (entry.bytes > 0 && !packet.payloads.back()) return;  // the disk has it no more
        entry.payload = entry.bytes > 0 ? packet.payloads.back()->data() : nullptr;
    }
    if (message.snapshot != nullptr) {
        packet.snapshot = *message.snapshot;
        packet.snapshot_hash = disk_.snapshot.hash;
        if (disk_.snapshot.applied != message.snapshot->point)
            world_.complain("a snapshot is sent that is not the one on disk");
        const bool arrives = world_.below(10) >= 3;
        engine_->report_snapshot(message.to, arrives);
        if (!arrives) return;
    }
    world_.send(packet);
}

bool Replica::write(const EngineOutput& output, bool torn) {
    if (output.snapshot != nullptr) {
        const auto fetched = incoming_.find(output.snapshot->point.index);
        if (fetched == incoming_.end()) return world_.complain("a snapshot without rows"), false;
        disk_.flushed = disk_.snapshot = rows_ = fetched->second;
        disk_.before_first = output.snapshot->point;
        disk_.log.clear();
        disk_.hard_state = *output.hard_state;
        disk_.hard_state.commit = rows_.applied.index;
        world_.applied(node_, rows_);
    }
    std::size_t whole = output.entries.size();
    if (torn) whole = world_.below(whole + 1);
    for (const RaftEntry& entry : output.entries.first(whole)) append(entry);
    if (torn || !output.hard_state) return !torn;
    HardState& stored = disk_.hard_state;
    const std::uint64_t known_vote = stored.term == output.hard_state->term ? stored.vote : 0;
    if (output.must_sync) stored = *output.hard_state;
    if (faults_.votes_unsynced && world_.below(2) == 0) stored.vote = known_vote;
    // Written without a sync: a crash may take it back.
    if (world_.below(2) == 0) stored.commit = output.hard_state->commit;
    return true;
}

void Replica::append(const RaftEntry& entry) {
    if (entry.index > disk_.last() + 1) return world_.complain("a hole in the log");
    if (entry.index <= rows_.applied.index)
        return world_.complain("entry " + std::to_string(entry.index) + " was applied already");
    disk_.log.resize(entry.index - disk_.before_first.index - 1);
    disk_.log.push_back({entry.term, entry.kind, payload_of(entry)});
}

// False: something no honest set can meet; a node stops over it.
bool Replica::apply(const RaftEntry& entry) {
    const Payload payload = payload_of(entry);
    if (entry.index != rows_.applied.index + 1 || (entry.bytes > 0 && !payload)) {
        world_.complain("entry " + std::to_string(entry.index) + " is skipped or lost");
        return false;
    }
    rows_.hash = chain(rows_.hash, entry, payload);
    rows_.applied = {entry.term, entry.index};
    if (entry.kind == EntryKind::membership) {
        const auto members = engine_->apply_change(entry.index, *payload);
        if (!members) {
            world_.complain("a change fails: " + members.error().detail);
            return false;
        }
        rows_.members = *members;
    }
    world_.applied(node_, rows_);
    return true;
}

void Replica::flush_rows() {
    disk_.flushed = rows_;
}

void Replica::make_snapshot(LogIndex keep) {
    disk_.flushed = disk_.snapshot = rows_;
    engine_->snapshot(rows_.applied.index);
    // The log may go up to what the engine knows as applied, one turn behind the rows.
    const LogIndex applied = engine_->applied();
    if (applied < keep + disk_.before_first.index + 1) return;
    const LogIndex first = applied - keep;
    const StoredEntry* before = disk_.find(first - 1);
    if (before == nullptr) return;
    engine_->compact(first);
    const auto gone = static_cast<std::ptrdiff_t>(first - 1 - disk_.before_first.index);
    disk_.before_first = {before->term, first - 1};
    disk_.log.erase(disk_.log.begin(), disk_.log.begin() + gone);
}

void Replica::trim(LogIndex through) {
    engine_->trim(through);
    for (auto at = window_.begin(); at != window_.end() && at->first <= through;) {
        leaving_.push_back(at->second);
        at = window_.erase(at);
    }
}

}  // namespace penstock::replication::testing

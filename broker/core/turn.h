// Turn: the core's view of rows while one entry is applied. Reads see the entry's own writes;
// writes gather here and leave as one RowBatch. Heads and delivery states are changed in place and
// written back at the end. Lives for one entry, on the stack of apply().
#pragma once

#include "broker/core/matcher.h"
#include "broker/core/records.h"
#include "broker/model/entry.h"
#include "broker/model/rows.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::core {

class Turn final : public model::Rows {
  public:
    // A record as it is now and the bytes of its row, so that mere reads write nothing. A missing
    // row reads as the default and stays missing while it is that.
    template <class T>
    struct Loaded {
        T value;
        std::string stored;
        bool touched = false;  // by this entry
    };

    // What is kept decoded from one entry to the next, read from rows at first touch: matchers by
    // topic, configurations (nothing: there is no such object) and records. It says what the rows
    // say between entries: whoever else writes rows has it dropped.
    struct Caches {
        std::map<ObjectNo, std::unique_ptr<Matcher>> matchers;
        std::map<ObjectNo, std::optional<QueueConfig>> queues;
        std::map<ObjectNo, std::optional<TopicConfig>> topics;
        std::map<ObjectNo, std::optional<SubscriptionConfig>> subscriptions;
        std::map<ObjectNo, Loaded<LogHead>> heads;
        std::map<ObjectNo, Loaded<DeliveryState>> deliveries;
        std::optional<Loaded<Globals>> globals;

        // Before an entry, as a Turn gives pointers into them: not too many of anything.
        void trim();
    };

    // `caches` is used by one Turn at a time.
    Turn(const model::Entry& entry, const model::Rows& rows, Caches& caches)
        : entry_(entry), rows_(rows), caches_(caches) {
        caches_.trim();
    }

    // Without finish() nothing was written: what was changed in place is forgotten.
    ~Turn() override;

    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    [[nodiscard]] auto& matchers() { return caches_.matchers; }

    [[nodiscard]] const model::Entry& entry() const { return entry_; }

    [[nodiscard]] TimeMs now() const { return entry_.time_ms; }

    // True when the place is in this set.
    [[nodiscard]] bool here(const model::Place& place) const {
        return place.set.value == 0 || place.set == entry_.set;
    }

    // Rows, with this entry's writes on top.
    [[nodiscard]] std::optional<std::string> get(std::string_view key) const override;
    void scan(std::string_view first, std::string_view end, const Visit& visit) const override;
    void put(std::string key, std::string value);
    void erase(std::string key);
    void erase_range(std::string first, std::string end);  // rare: one per cleared object

    template <class T>
    std::optional<T> load(std::string_view key) const {
        const auto bytes = get(key);
        if (!bytes) return {};
        return decode<T>(*bytes);
    }

    // Written back by finish(). A missing row reads as the default.
    LogHead& head(ObjectNo log);
    DeliveryState& delivery(ObjectNo object);
    Globals& globals();
    // How far the transfers to and from another set are. Whoever changes one says so: it is
    // written then, whatever it says.
    const OutboxHead& outbox_head(model::SetId target);
    OutboxHead& change_outbox_head(model::SetId target);
    InboxHead& change_inbox_head(model::SetId source);
    void forget(ObjectNo object);  // its head and delivery state are erased

    // Configuration; null when there is no such object (any more). Until it is put or erased.
    const QueueConfig* queue(ObjectNo object);
    const TopicConfig* topic(ObjectNo object);
    const SubscriptionConfig* subscription(ObjectNo object);
    void put_queue(ObjectNo object, const QueueConfig& config);
    void put_topic(ObjectNo object, const TopicConfig& config);
    void put_subscription(ObjectNo object, const SubscriptionConfig& config);
    void erase_config(char kind, ObjectNo object);

    // One more, one fewer log holds the body. At zero it is released.
    void hold(MessageId body);
    void drop(MessageId body);

    // Appends a message to a log and holds its body; consecutive appends of one entry share a row.
    // `sent_ms`: when a delayed message was sent.
    Sequence append(ObjectNo log, MessageRef message, TimeMs sent_ms = 0);

    // Makes appends of this entry visible to scans of the log's runs.
    void flush_run(ObjectNo log);

    // The run that holds the sequence, where it is the one of its log that know_run() was told of
    // last; null: look for it. Holds until something is told or erased.
    [[nodiscard]] const Run* known_run(ObjectNo log, Sequence sequence) const;

    void know_run(ObjectNo log, Run run) { known_runs_.insert_or_assign(log, std::move(run)); }

    // Effects besides rows.
    void visible(ObjectNo queue) { visible_.insert(queue); }

    void ready(ObjectNo subscription) { ready_.insert(subscription); }

    void changed(ObjectNo subscription) { changed_.insert(subscription); }

    void outbox(model::SetId target) { outbox_.insert(target); }

    void job(ObjectNo object) { jobs_.insert(object); }

    void check_due(ObjectNo queue) { checks_.insert(queue); }

    void unconfirmed(ObjectNo queue, MessageId message) {
        unconfirmed_.push_back({queue, message});
    }

    // Arms a timer (not before now, so never behind what has fired) and remembers the earliest.
    void arm(
        TimeMs due_ms, std::uint8_t kind, ObjectNo object, std::uint64_t unique, std::string value);

    [[nodiscard]] std::optional<TimeMs> earliest_armed() const { return earliest_armed_; }

    // Work done for jobs in this entry, against the bound of a Tick.
    void spend(std::uint32_t items) { spent_ += items; }

    [[nodiscard]] bool budget_left() const { return spent_ < job_items_per_entry_max; }

    static constexpr std::uint32_t job_items_per_entry_max = 1000;

    // Writes back, accounts for bodies nobody took, and gives batch, releases and wakes.
    model::Effects finish();

  private:
    template <class T>
    struct Counted {
        T value;
        bool changed = false;
    };

    template <class T>
    using CountedBySet = std::map<model::SetId, Counted<T>>;

    template <class T>
    Counted<T>& counted(CountedBySet<T>& known,
                        model::SetId set,
                        std::string (*key)(model::SetId)) {
        const auto [at, fresh] = known.try_emplace(set);
        if (fresh) at->second.value = load<T>(key(set)).value_or(T{});
        return at->second;
    }

    template <class T>
    void put_counted(const CountedBySet<T>& known, std::string (*key)(model::SetId)) {
        for (const auto& [set, one] : known) {
            if (one.changed) put(key(set), encode(one.value));
        }
    }

    template <class T>
    T& touch(std::map<ObjectNo, Loaded<T>>& kept,
             std::vector<ObjectNo>& touched,
             ObjectNo object,
             std::string (*key)(ObjectNo)) {
        const auto [at, fresh] = kept.try_emplace(object);
        if (fresh) load_into(at->second, key(object));
        if (!at->second.touched) touched.push_back(object);
        at->second.touched = true;
        return at->second.value;
    }

    // What was forgotten meanwhile is not there.
    template <class T>
    void write_touched(std::map<ObjectNo, Loaded<T>>& kept,
                       const std::vector<ObjectNo>& touched,
                       std::string (*key)(ObjectNo)) {
        for (const ObjectNo object : touched) {
            const auto found = kept.find(object);
            if (found != kept.end()) write_back(key(object), found->second);
        }
    }

    template <class T>
    void load_into(Loaded<T>& loaded, std::string_view key) const {
        if (auto bytes = get(key)) {
            loaded.value = decode<T>(*bytes);
            loaded.stored = std::move(*bytes);
        } else {
            loaded.stored = encode(loaded.value);
        }
    }

    template <class T>
    void write_back(std::string key, Loaded<T>& loaded) {
        loaded.touched = false;
        std::string bytes = encode(loaded.value);
        if (bytes == loaded.stored) return;
        loaded.stored = bytes;
        put(std::move(key), std::move(bytes));
    }

    void release_unheld_bodies();
    std::vector<std::uint32_t>& holders(LogIndex index);
    [[nodiscard]] bool in_erased_range(std::string_view key) const;

    const model::Entry& entry_;
    const model::Rows& rows_;
    Caches& caches_;
    std::map<std::string, std::optional<std::string>, std::less<>> writes_;
    std::vector<std::pair<std::string, std::string>> erased_ranges_;
    std::vector<ObjectNo> heads_;       // touched
    std::vector<ObjectNo> deliveries_;  // touched
    CountedBySet<OutboxHead> outbox_heads_;
    CountedBySet<InboxHead> inbox_heads_;
    bool finished_ = false;
    std::map<LogIndex, std::vector<std::uint32_t>> holders_;
    std::map<ObjectNo, Run> pending_runs_;
    std::map<ObjectNo, Run> known_runs_;
    std::vector<model::Release> releases_;
    std::set<ObjectNo> visible_;
    std::set<ObjectNo> ready_;
    std::set<ObjectNo> changed_;
    std::set<model::SetId> outbox_;
    std::set<ObjectNo> jobs_;
    std::set<ObjectNo> checks_;
    std::vector<model::Unconfirmed> unconfirmed_;
    std::optional<TimeMs> earliest_armed_;
    std::uint32_t spent_ = 0;
};

}  // namespace penstock::core

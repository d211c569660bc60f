#include "broker/core/records.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/model/object_codec.h"

namespace penstock::core {

namespace {

constexpr std::uint8_t rows_version = 1;

// One list of fields per record, used for writing and reading alike (see Fields below).
class Put {
  public:
    Put() { writer_.u8(rows_version); }

    void operator()(std::uint16_t value) { writer_.varint(value); }

    void operator()(std::uint32_t value) { writer_.varint(value); }

    void operator()(std::uint64_t value) { writer_.varint(value); }

    void operator()(std::int64_t value) { writer_.varint(static_cast<std::uint64_t>(value)); }

    void operator()(bool value) { writer_.boolean(value); }

    void operator()(const std::string& value) { writer_.bytes(value); }

    void operator()(const MessageId& value) { writer_.varint(value.value); }

    void operator()(const ObjectNo& value) { writer_.varint(value.value); }

    void operator()(const model::Place& value) { writer_.varint(model::to_number(value)); }

    template <class Enum>
    requires std::is_enum_v<Enum>

    void operator()(const Enum& value) { writer_.u8(static_cast<std::uint8_t>(value)); }

    template <class Attributes>
    void object(const Attributes& value) {
        model::encode(writer_, value);
    }

    template <class Item, class Each>
    void list(const std::vector<Item>& items, const Each& each) {
        writer_.varint(items.size());
        for (const Item& item : items) each(*this, item);
    }

    std::string take() { return std::move(out_); }

  private:
    std::string out_;
    Writer writer_{out_};
};

class Take {
  public:
    explicit Take(std::string_view bytes) : reader_(bytes) {
        check(reader_.u8() == rows_version, "a row has a version this build does not know");
    }

    void operator()(std::uint16_t& value) { value = static_cast<std::uint16_t>(reader_.varint()); }

    void operator()(std::uint32_t& value) { value = static_cast<std::uint32_t>(reader_.varint()); }

    void operator()(std::uint64_t& value) { value = reader_.varint(); }

    void operator()(std::int64_t& value) { value = static_cast<std::int64_t>(reader_.varint()); }

    void operator()(bool& value) { value = reader_.boolean(); }

    void operator()(std::string& value) { value = reader_.text(); }

    void operator()(MessageId& value) { value = MessageId{reader_.varint()}; }

    void operator()(ObjectNo& value) { value.value = static_cast<std::uint32_t>(reader_.varint()); }

    void operator()(model::Place& value) { value = model::Place::of(reader_.varint()); }

    template <class Enum>
    requires std::is_enum_v<Enum>

    void operator()(Enum& value) { value = static_cast<Enum>(reader_.u8()); }

    void object(model::QueueAttributes& value) { value = model::decode_queue_attributes(reader_); }

    void object(model::TopicAttributes& value) { value = model::decode_topic_attributes(reader_); }

    void object(model::SubscriptionSpec& value) {
        value = model::decode_subscription_spec(reader_);
    }

    void object(model::Script& value) { value = model::decode_script(reader_); }

    template <class Item, class Each>
    void list(std::vector<Item>& items, const Each& each) {
        items.resize(reader_.count(1));
        for (Item& item : items) each(*this, item);
    }

    void finish() const { check(reader_.done(), "a row is malformed"); }

  private:
    Reader reader_;
};

constexpr auto plain = [](auto& fields, auto& item) {
    fields(item);
};

template <class T, class U>
concept Is = std::is_same_v<std::remove_const_t<T>, U>;

template <class F, Is<QueueConfig> T>
void fields_of(F& f, T& v) {
    f(v.name), f(v.kind), f.object(v.attributes), f(v.created_ms), f(v.modified_ms);
}

template <class F, Is<TopicConfig> T>
void fields_of(F& f, T& v) {
    f(v.name), f.object(v.attributes), f(v.created_ms), f(v.modified_ms);
}

template <class F, Is<SubscriptionConfig> T>
void fields_of(F& f, T& v) {
    f(v.topic), f(v.name), f.object(v.spec), f(v.created_ms), f(v.modified_ms);
}

template <class F, Is<LogHead> T>
void fields_of(F& f, T& v) {
    f(v.end), f(v.floor), f(v.reclaimed), f(v.retention_due_ms), f(v.reclaim_armed);
    f(v.delayed), f(v.clears);
}

template <class F, Is<DeliveryState> T>
void fields_of(F& f, T& v) {
    f(v.cursor), f(v.next), f(v.generation), f(v.settled_above), f(v.holes), f(v.exceptions);
    f(v.ready), f(v.ready_low), f(v.leases), f(v.rewound_ms), f(v.ttl_due_ms), f(v.bitmapped),
        f(v.all_below), f(v.pending);
    f(v.dropped), f(v.quarantined), f(v.redriven), f(v.redriven_open), f(v.discarded);
    f(v.transferring), f(v.refused_to), f(v.gone_blocks), f(v.parked);
}

template <class F, Is<Run> T>
void fields_of(F& f, T& v) {
    f(v.time_ms), f(v.sent_ms), f(v.set), f(v.index), f.list(v.ordinals, plain);
    f.list(v.ids, plain), f.list(v.keys, plain);
}

template <class F, Is<Exception> T>
void fields_of(F& f, T& v) {
    f(v.state), f(v.count), f(v.due_ms), f(v.first_ms), f(v.tag), f(v.failure), f(v.status);
    f(v.excerpt), f(v.message), f(v.published_ms), f(v.crashes), f(v.log), f(v.body);
    f(v.redrives), f(v.replay), f(v.key), f(v.deferred_ms);
}

template <class F, Is<DedupRow> T>
void fields_of(F& f, T& v) {
    f(v.first), f(v.count), f(v.expires_ms);
}

template <class F, Is<DelayedRow> T>
void fields_of(F& f, T& v) {
    f(v.sent_ms), f(v.due_ms), f(v.body), f.list(v.tags, plain), f(v.routing_key);
    f(v.ordering_key);
}

template <class F, Is<TransactionRow> T>
void fields_of(F& f, T& v) {
    f(v.state), f(v.sent_ms), f(v.due_ms), f(v.interval_ms), f(v.checks), f(v.clears), f(v.body);
    f(v.key);
}

template <class F, Is<TransactionTotals> T>
void fields_of(F& f, T& v) {
    f(v.open), f(v.asking), f(v.committed), f(v.rolled_back), f(v.unconfirmed);
}

template <class F, Is<TrackExpiry> T>
void fields_of(F& f, T& v) {
    f(v.time_ms), f(v.bytes);
    f.list(v.items, [](auto& g, auto& item) { g(item.subscription), g(item.ordinal); });
}

template <class F, Is<Globals> T>
void fields_of(F& f, T& v) {
    f(v.receipt_key[0]), f(v.receipt_key[1]), f(v.track_retention_s), f(v.track_bytes_max);
    f(v.fired_ms), f(v.track_armed), f(v.track_low), f(v.track_bytes);
}

template <class F, Is<JobRow> T>
void fields_of(F& f, T& v) {
    f.list(v.sequences, plain), f(v.state), f(v.kind), f(v.number);
    f.list(v.filter.failures, plain), f(v.filter.status_min), f(v.filter.status_max);
    f(v.filter.from_ms), f(v.filter.before_ms), f.list(v.filter.tags, plain);
    f(v.filter.key), f(v.filter.text), f(v.rate_per_s);
    f(v.first), f(v.next), f(v.end), f(v.started_ms), f(v.ended_ms), f(v.paced_ms), f(v.paced);
    f(v.taken), f(v.open), f(v.failed), f(v.due_ms);
}

template <class F, Is<DeadInfo> T>
void fields_of(F& f, T& v) {
    f(v.source), f(v.source_name), f(v.failure), f(v.status), f(v.attempts), f(v.excerpt);
    f(v.died_ms), f(v.first_logged_ms), f(v.log), f(v.redrives);
}

template <class F, Is<OutboxRow> T>
void fields_of(F& f, T& v) {
    f(v.kind), f(v.object), f(v.message), f(v.body), f(v.queued_ms), f(v.not_before_ms);
    f(v.in_order), f(v.refused_to), f(v.origin), f(v.from), f(v.sequence), f(v.generation);
    f(v.count), f(v.crashes), f(v.published_ms), f(v.clears), f(v.key);
    if (model::carries_dead_info(v.kind)) fields_of(f, v.dead);
}

template <class F, Is<OutboxHead> T>
void fields_of(F& f, T& v) {
    f(v.first), f(v.next), f(v.refused), f(v.parked), f(v.parked_ever), f(v.dropped);
}

template <class F, Is<InboxHead> T>
void fields_of(F& f, T& v) {
    f(v.through), f(v.answered_to), f(v.refusals);
}

template <class F, Is<RefusalRow> T>
void fields_of(F& f, T& v) {
    f(v.reason), f(v.detail);
}

template <class F, Is<KvEntry> T>
void fields_of(F& f, T& v) {
    f(v.version), f(v.expires_ms), f(v.armed_ms), f(v.value);
}

template <class F, Is<KvTotals> T>
void fields_of(F& f, T& v) {
    f(v.rows), f(v.bytes), f(v.timers);
}

template <class F, Is<model::Script> T>
void fields_of(F& f, T& v) {
    f.object(v);
}

template <class F, Is<TrackRow> T>
void fields_of(F& f, T& v) {
    f(v.attempts), f(v.time_ms), f(v.first), f(v.last), f(v.count), f(v.failed);
    f.list(v.amended, [](auto& g, auto& one) { g(one.sequence), g(one.failure), g(one.excerpt); });
}

template <class T>
std::string put(const T& value) {
    Put fields;
    fields_of(fields, value);
    return fields.take();
}

constexpr std::uint8_t block_as_runs = 1;
constexpr std::uint8_t block_as_bits = 2;
constexpr std::size_t block_bytes = keys::block_sequences / 8;

std::string block_bits(const Block& block) {
    std::string out;
    Writer writer(out);
    writer.u8(block_as_bits);
    for (const std::uint64_t word : block.words()) writer.u64(word);
    return out;
}

}  // namespace

std::string encode(const QueueConfig& value) {
    return put(value);
}

std::string encode(const TopicConfig& value) {
    return put(value);
}

std::string encode(const SubscriptionConfig& value) {
    return put(value);
}

std::string encode(const LogHead& value) {
    return put(value);
}

std::string encode(const DeliveryState& value) {
    return put(value);
}

std::string encode(const Run& value) {
    return put(value);
}

std::string encode(const Exception& value) {
    return put(value);
}

std::string encode(const DedupRow& value) {
    return put(value);
}

std::string encode(const DelayedRow& value) {
    return put(value);
}

std::string encode(const TransactionRow& value) {
    return put(value);
}

std::string encode(const TransactionTotals& value) {
    return put(value);
}

std::string encode(const TrackExpiry& value) {
    return put(value);
}

std::string encode(const Globals& value) {
    return put(value);
}

std::string encode(const JobRow& value) {
    return put(value);
}

std::string encode(const DeadInfo& value) {
    return put(value);
}

std::string encode(const OutboxRow& value) {
    return put(value);
}

std::string encode(const OutboxHead& value) {
    return put(value);
}

std::string encode(const InboxHead& value) {
    return put(value);
}

std::string encode(const RefusalRow& value) {
    return put(value);
}

std::string encode(const KvEntry& value) {
    return put(value);
}

std::string encode(const KvTotals& value) {
    return put(value);
}

std::string encode(const model::Script& value) {
    return put(value);
}

std::string encode(const TrackRow& value) {
    return put(value);
}

std::string encode(const Block& value) {
    std::string out;
    Writer writer(out);
    writer.u8(block_as_runs);
    std::size_t previous_end = 0;
    for (std::size_t at = value.next_set(0); at < Block::bits; at = value.next_set(previous_end)) {
        const std::size_t end = value.next_clear(at);
        writer.varint(at - previous_end);
        writer.varint(end - at);
        if (out.size() > block_bytes) return block_bits(value);
        previous_end = end;
    }
    return out;
}

std::string encode_holders(const std::vector<std::uint32_t>& holders) {
    std::string out;
    Writer writer(out);
    writer.u8(rows_version);
    for (const std::uint32_t count : holders) writer.varint(count);
    return out;
}

template <class T>
T decode(std::string_view bytes) {
    T value;
    Take fields(bytes);
    fields_of(fields, value);
    fields.finish();
    return value;
}

template QueueConfig decode(std::string_view);
template TopicConfig decode(std::string_view);
template SubscriptionConfig decode(std::string_view);
template LogHead decode(std::string_view);
template DeliveryState decode(std::string_view);
template Exception decode(std::string_view);
template DedupRow decode(std::string_view);
template DelayedRow decode(std::string_view);
template TransactionRow decode(std::string_view);
template TransactionTotals decode(std::string_view);
template TrackExpiry decode(std::string_view);
template Globals decode(std::string_view);
template JobRow decode(std::string_view);
template DeadInfo decode(std::string_view);
template OutboxRow decode(std::string_view);
template OutboxHead decode(std::string_view);
template InboxHead decode(std::string_view);
template RefusalRow decode(std::string_view);
template KvEntry decode(std::string_view);
template KvTotals decode(std::string_view);
template model::Script decode(std::string_view);
template TrackRow decode(std::string_view);

template <>
Block decode<Block>(std::string_view bytes) {
    Block block;
    Reader reader(bytes);
    const std::uint8_t form = reader.u8();
    if (form == block_as_bits) {
        for (std::uint64_t& word : block.words()) word = reader.u64();
    } else {
        check(form == block_as_runs, "a bitmap row has an unknown form");
        std::uint64_t at = 0;
        while (reader.left() > 0) {
            at += reader.varint();
            const std::uint64_t length = reader.varint();
            check(at < Block::bits && length <= Block::bits - at, "a bitmap row is malformed");
            block.set_range(at, at + length);
            at += length;
        }
    }
    check(reader.done(), "a bitmap row is malformed");
    return block;
}

Run decode_run(std::string_view key, std::string_view bytes) {
    Run run;
    Take fields(bytes);
    fields_of(fields, run);
    fields.finish();
    check(!run.ordinals.empty(), "a run is empty");
    check(run.ids.empty() || run.ids.size() == run.ordinals.size(), "a run's ids are not its own");
    check(run.keys.empty() || run.keys.size() == run.ordinals.size(),
          "a run's keys are not its own");
    run.first = keys::last_u64(key) + 1 - run.ordinals.size();
    return run;
}

std::vector<std::uint32_t> decode_holders(std::string_view bytes) {
    Reader reader(bytes);
    check(reader.u8() == rows_version, "a holders row has an unknown version");
    std::vector<std::uint32_t> holders;
    while (reader.left() > 0) holders.push_back(static_cast<std::uint32_t>(reader.varint()));
    check(reader.done() && holders.size() <= model::bodies_per_entry_max,
          "a holders row is malformed");
    return holders;
}

}  // namespace penstock::core

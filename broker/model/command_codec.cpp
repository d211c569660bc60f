#include "broker/base/bytes.h"
#include "broker/model/command.h"
#include "broker/model/format.h"
#include "broker/model/object_codec.h"

namespace penstock::model {

namespace {

constexpr std::uint16_t first_level = 1;
constexpr std::size_t settle_item_bytes = 8;

// Field lists: one function per command, used by encoding and decoding alike. `Fields` is Put or
// Take below, so that the two can never disagree.

class Put {
  public:
    explicit Put(Writer& writer) : writer_(writer) {}

    template <class Tag, class Rep>
    void operator()(const Id<Tag, Rep>& id) {
        writer_.varint(id.value);
    }

    void operator()(const MessageId& id) { writer_.varint(id.value); }

    void operator()(const Place& place) { writer_.varint(to_number(place)); }

    void operator()(const Receipt& receipt) { writer_.u64(receipt.value); }

    void operator()(const std::string& text) { writer_.bytes(text); }

    void operator()(bool value) { writer_.boolean(value); }

    void operator()(std::uint16_t value) { writer_.varint(value); }

    void operator()(std::uint32_t value) { writer_.varint(value); }

    void operator()(std::uint64_t value) { writer_.varint(value); }

    void operator()(std::int64_t value) { writer_.i64(value); }

    void operator()(const std::array<std::uint64_t, 2>& key) {
        writer_.u64(key[0]);
        writer_.u64(key[1]);
    }

    void operator()(const QueueAttributes& value) { encode(writer_, value); }

    void operator()(const TopicAttributes& value) { encode(writer_, value); }

    void operator()(const SubscriptionSpec& value) { encode(writer_, value); }

    void operator()(const Script& value) { encode(writer_, value); }

    template <class Enum>
    requires std::is_enum_v<Enum>

    void operator()(const Enum& value) { writer_.u8(static_cast<std::uint8_t>(value)); }

    template <class Item, class Each>
    void list(const std::vector<Item>& items, std::size_t, const Each& each) {
        writer_.varint(items.size());
        for (const Item& item : items) each(*this, item);
    }

  private:
    Writer& writer_;
};

class Take {
  public:
    explicit Take(Reader& reader) : reader_(reader) {}

    template <class Tag, class Rep>
    void operator()(Id<Tag, Rep>& id) {
        id.value = narrow<Rep>();
    }

    void operator()(MessageId& id) { id.value = reader_.varint(); }

    void operator()(Place& place) {
        const std::uint64_t number = reader_.varint();
        place = Place::of(number);
        if (to_number(place) != number) reader_.fail();
    }

    void operator()(Receipt& receipt) { receipt.value = reader_.u64(); }

    void operator()(std::string& text) { text = reader_.text(); }

    void operator()(bool& value) { value = reader_.boolean(); }

    void operator()(std::uint16_t& value) { value = narrow<std::uint16_t>(); }

    void operator()(std::uint32_t& value) { value = narrow<std::uint32_t>(); }

    void operator()(std::uint64_t& value) { value = reader_.varint(); }

    void operator()(std::int64_t& value) { value = reader_.i64(); }

    void operator()(std::array<std::uint64_t, 2>& key) {
        key[0] = reader_.u64();
        key[1] = reader_.u64();
    }

    void operator()(QueueAttributes& value) { value = decode_queue_attributes(reader_); }

    void operator()(TopicAttributes& value) { value = decode_topic_attributes(reader_); }

    void operator()(SubscriptionSpec& value) { value = decode_subscription_spec(reader_); }

    void operator()(Script& value) { value = decode_script(reader_); }

    template <class Enum>
    requires std::is_enum_v<Enum>

    void operator()(Enum& value) { value = static_cast<Enum>(reader_.u8()); }

    template <class Item, class Each>
    void list(std::vector<Item>& items, std::size_t item_bytes, const Each& each) {
        items.resize(reader_.count(item_bytes));
        for (Item& item : items) each(*this, item);
    }

  private:
    template <class Rep>
    Rep narrow() {
        const std::uint64_t value = reader_.varint();
        if (value > static_cast<std::uint64_t>(static_cast<Rep>(~Rep{0}))) reader_.fail();
        return static_cast<Rep>(value);
    }

    Reader& reader_;
};

constexpr auto plain = [](auto& fields, auto& item) {
    fields(item);
};

template <class F, class C>
void commit_fields(F& f, C& commit) {
    f(commit.item);
    f.list(commit.outputs, 4, [](auto& g, auto& output) {
        g(output.target), g(output.to_queue), g(output.ordinal), g(output.delay_ms);
    });
    f.list(commit.writes, 12, [](auto& g, auto& write) {
        g(write.kind), g(write.key), g(write.value), g(write.amount), g(write.ttl_ms);
    });
    f.list(commit.reads, 2, [](auto& g, auto& read) { g(read.key), g(read.version); });
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, PutKey> {
    f(c.key_id), f(c.secret), f(c.root);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, ReserveNames> {
    f.list(c.names, 2, [](auto& g, auto& name) { g(name.kind), g(name.name); });
    f(c.set), f(c.queues_max), f(c.topics_max), f(c.subscriptions_max), f(c.name_reuse_ms);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, MarkReady> {
    f.list(c.numbers, 1, plain);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, HideNames> {
    f.list(c.numbers, 1, plain);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, ReleaseNames> {
    f.list(c.numbers, 1, plain), f(c.was_visible);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, PutNode> {
    f(c.info.node), f(c.info.peer_address), f(c.info.http_address), f(c.info.zone);
    f(c.info.leaving);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, DropNode> {
    f(c.node);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, PutSet> {
    f(c.info.set), f.list(c.info.founders, 1, plain), f.list(c.info.replicas, 1, plain);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, SetBalancing> {
    f(c.on);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, MarkLeaving> {
    f(c.node), f(c.leaving);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, PreferLeader> {
    f(c.set), f(c.node);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, InitSet> {
    f(c.receipt_key), f(c.track_retention_s), f(c.track_bytes_max);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, CreateQueue> {
    f(c.queue), f(c.name), f(c.kind), f(c.attributes);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, SetQueue> {
    f(c.queue), f(c.attributes);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, DeleteQueue> {
    f(c.queue);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, ClearQueue> {
    f(c.queue);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, RewindQueue> {
    f(c.queue), f(c.to_ms);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Send> {
    f(c.queue), f(c.first_ordinal), f(c.count), f(c.delay_ms), f(c.dedup_key);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Lease> {
    f(c.queue), f(c.messages_max), f(c.visibility_ms);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, DeleteMessages> {
    f(c.queue), f.list(c.receipts, 8, plain);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, GiveBack> {
    f(c.queue), f.list(c.receipts, 8, plain), f(c.pause_ms);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, ChangeVisibility> {
    f(c.queue), f(c.receipt), f(c.visibility_ms);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, CreateTopic> {
    f(c.topic), f(c.name), f(c.attributes);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, SetTopic> {
    f(c.topic), f(c.attributes);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, DeleteTopic> {
    f(c.topic);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Publish> {
    f(c.topic), f(c.first_ordinal), f(c.count), f(c.delay_ms), f(c.dedup_key), f(c.want_receiver);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Subscribe> {
    f(c.subscription), f(c.topic), f(c.name), f(c.spec), f.list(c.scripts, 5, plain);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, SetSubscription> {
    f(c.subscription), f(c.spec);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Unsubscribe> {
    f(c.subscription);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Settle> {
    f(c.subscription);
    f.list(c.items, settle_item_bytes, [](auto& g, auto& item) {
        g(item.sequence), g(item.generation), g(item.verdict), g(item.failure), g(item.status);
        g(item.retry_after_ms), g(item.excerpt), g(item.log);
    });
    f(c.attempts_ordinal), f(c.attempts_failed);
    f.list(c.commits, 4, [](auto& g, auto& commit) { commit_fields(g, commit); });
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, FeedQueue> {
    f(c.subscription), f(c.sequence), f(c.generation);
}

template <class F, class M>
void filter_fields(F& f, M& filter) {
    f.list(filter.failures, 1, plain), f(filter.status_min), f(filter.status_max);
    f(filter.from_ms), f(filter.before_ms);
    f.list(filter.tags, 1, plain), f(filter.key), f(filter.text);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, ReleaseDelivery> {
    f(c.subscription), f(c.sequence), f(c.drop);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Redrive> {
    f(c.queue), f.list(c.sequences, 1, plain);
    filter_fields(f, c.filter), f(c.rate_per_s);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Replay> {
    f(c.subscription), filter_fields(f, c.filter), f(c.rate_per_s);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, ChangeJob> {
    f(c.object), f(c.action);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, StepJob> {
    f(c.object), f(c.job), f(c.from), f(c.through), f.list(c.chosen, 1, plain);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, EditLetter> {
    f(c.queue), f(c.sequence), f(c.ordinal);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, ChangeDelayed> {
    f(c.object), f(c.message), f(c.cancel), f(c.due_ms);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Prepare> {
    f(c.queue), f(c.first_ordinal), f(c.count), f(c.first_query_s), f(c.dedup_key);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, ConfirmTransactions> {
    f(c.queue), f.list(c.items, 2, [](auto& g, auto& item) { g(item.message), g(item.commit); });
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, TakeChecks> {
    f(c.queue), f(c.max);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Quarantine> {
    f(c.object), f(c.sequence), f(c.message);
}

template <class F, class C>
void fields_of(F&, C&) requires std::is_same_v<std::remove_const_t<C>, Tick> {}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, DisableSubscription> {
    f(c.subscription), f(c.reason);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, DeployScript> {
    f(c.subscription), f(c.script);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, ActivateScript> {
    f(c.subscription), f(c.role), f(c.version);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, BindDeadLetter> {
    f(c.queue), f(c.source), f(c.from_queue), f(c.bound);
}

template <class F, class D>
void dead_fields(F& f, D& dead) {
    f(dead.source), f(dead.source_name), f(dead.failure), f(dead.status), f(dead.attempts);
    f(dead.excerpt), f(dead.log), f(dead.died_ms), f(dead.first_logged_ms), f(dead.redrives);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, Transfer> {
    f(c.source), f(c.number), f(c.answered_to), f(c.kind), f(c.object), f(c.message), f(c.ordinal);
    f(c.not_before_ms), f(c.in_order), f(c.refused_to);
    if (carries_dead_info(c.kind)) dead_fields(f, c.dead);
}

template <class F, class C>
void fields_of(F& f, C& c) requires std::is_same_v<std::remove_const_t<C>, TransfersAnswered> {
    f(c.target), f(c.first);
    f.list(c.answers, 3, [](auto& g, auto& answer) {
        g(answer.outcome), g(answer.reason), g(answer.detail);
    });
}

// The tag of a command is its position in the variant plus one: append new ones at the end.
template <std::size_t At = 0>
std::optional<Command> take_command(std::uint8_t tag, Reader& reader) {
    if constexpr (At == std::variant_size_v<Command>) {
        return {};
    } else {
        if (tag != At + 1) return take_command<At + 1>(tag, reader);
        std::variant_alternative_t<At, Command> command;
        Take take(reader);
        fields_of(take, command);
        return Command{std::move(command)};
    }
}

}  // namespace

std::string encode_commands(const std::vector<Command>& commands) {
    return encode_commands_at(commands, first_level);
}

std::string encode_commands_at(const std::vector<Command>& commands, std::uint16_t level) {
    std::string out;
    Writer writer(out);
    Put put(writer);
    writer.u8(static_cast<std::uint8_t>(level));
    writer.varint(commands.size());
    for (const Command& command : commands) {
        writer.u8(written_tag(static_cast<std::uint8_t>(command.index() + 1), level));
        std::visit([&](const auto& one) { fields_of(put, one); }, command);
    }
    return out;
}

std::optional<std::vector<Command>> decode_commands(std::string_view bytes) {
    Reader reader(bytes);
    const std::uint16_t level = reader.u8();
    const FormatLevels known = known_formats();
    if (level < known.least || level > known.most) return {};
    std::vector<Command> commands;
    for (std::size_t left = reader.count(1); left > 0; --left) {
        auto command = take_command(read_tag(reader.u8(), level), reader);
        if (!command || !reader.ok()) return {};
        commands.push_back(std::move(*command));
    }
    if (!reader.done()) return {};
    return commands;
}

std::uint16_t format_of(std::string_view commands) {
    return commands.empty() ? std::uint16_t{0} : static_cast<unsigned char>(commands.front());
}

std::string too_new(const std::string& what, std::uint16_t level) {
    const FormatLevels known = known_formats();
    return what + " has format level " + std::to_string(level) + ", this build knows " +
           std::to_string(known.least) + " to " + std::to_string(known.most) +
           ": upgrade this node first";
}

}  // namespace penstock::model

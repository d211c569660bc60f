#include "broker/core/keys.h"

#include "broker/base/bytes.h"

namespace penstock::core::keys {

namespace {

std::string object_key(char kind, ObjectNo object, std::size_t more = 0) {
    std::string key;
    key.reserve(5 + more);
    key.push_back(kind);
    Writer(key).key_u32(object.value);
    return key;
}

std::string with_u64(std::string key, std::uint64_t value) {
    Writer(key).key_u64(value);
    return key;
}

std::string with_generation(char kind, ObjectNo object, Generation generation, std::uint64_t last) {
    std::string key = object_key(kind, object, 12);
    Writer(key).key_u32(generation);
    return with_u64(std::move(key), last);
}

}  // namespace

std::string config(char kind, ObjectNo object) {
    return object_key(kind, object);
}

std::string topic_subscription(ObjectNo topic, ObjectNo subscription) {
    std::string key = object_key('u', topic, 4);
    Writer(key).key_u32(subscription.value);
    return key;
}

std::string dead_letter_source(ObjectNo queue, ObjectNo source) {
    std::string key = object_key('d', queue, 4);
    Writer(key).key_u32(source.value);
    return key;
}

std::string head(ObjectNo log) {
    return object_key('h', log);
}

std::string delivery(ObjectNo object) {
    return object_key('p', object);
}

std::string run(ObjectNo log, Sequence last) {
    return with_u64(object_key('l', log, 8), last);
}

std::string bodies(LogIndex index) {
    return with_u64("b", index);
}

std::string exception(ObjectNo object, Generation generation, Sequence sequence) {
    return with_generation('x', object, generation, sequence);
}

std::string ready(ObjectNo object, Generation generation, Sequence sequence) {
    return with_generation('r', object, generation, sequence);
}

std::string of_key(ObjectNo subscription,
                   Generation generation,
                   std::uint32_t key,
                   Sequence sequence) {
    std::string row = object_key('K', subscription, 16);
    Writer writer(row);
    writer.key_u32(generation);
    writer.key_u32(key);
    return with_u64(std::move(row), sequence);
}

std::string settled(ObjectNo object, Generation generation, std::uint64_t block) {
    return with_generation('m', object, generation, block);
}

std::string gone(ObjectNo queue, std::uint64_t block) {
    return with_u64(object_key('D', queue, 8), block);
}

std::string matches(ObjectNo subscription, std::uint64_t block) {
    return with_u64(object_key('f', subscription, 8), block);
}

std::string delayed(ObjectNo object, MessageId message) {
    return with_u64(object_key('y', object, 8), message.value);
}

std::string timer(TimeMs due_ms, std::uint8_t kind, ObjectNo object, std::uint64_t unique) {
    std::string key = timers_from(due_ms);
    Writer writer(key);
    writer.key_u8(kind);
    writer.key_u32(object.value);
    writer.key_u64(unique);
    return key;
}

std::string timers_from(TimeMs due_ms) {
    return with_u64("w", static_cast<std::uint64_t>(due_ms));
}

std::string dead(ObjectNo queue, Sequence sequence) {
    return with_u64(object_key('z', queue, 8), sequence);
}

std::string dedup(ObjectNo object, std::string_view key) {
    return object_key('k', object, key.size()).append(key);
}

std::string track(ObjectNo subscription, MessageId attempts) {
    return with_u64(object_key('a', subscription, 8), ~attempts.value);
}

std::string track_expiry(LogIndex index) {
    return with_u64("e", index);
}

std::string job(ObjectNo object) {
    return object_key('j', object);
}

std::string quarantined(ObjectNo object, Sequence sequence) {
    return with_u64(object_key('v', object, 8), sequence);
}

std::string outbox(model::SetId target, std::uint64_t number) {
    return with_u64(object_key('O', ObjectNo{target.value}, 8), number);
}

std::string outbox_head(model::SetId target) {
    return object_key('P', ObjectNo{target.value});
}

std::string parked(model::SetId target, std::uint64_t number) {
    return with_u64(object_key('R', ObjectNo{target.value}, 8), number);
}

std::string inbox_head(model::SetId source) {
    return object_key('i', ObjectNo{source.value});
}

std::string refused(model::SetId source, std::uint64_t number) {
    return with_u64(object_key('A', ObjectNo{source.value}, 8), number);
}

std::string blocked(ObjectNo queue, ObjectNo subscription) {
    std::string key = object_key('B', queue, 4);
    Writer(key).key_u32(subscription.value);
    return key;
}

std::string transaction(ObjectNo queue, MessageId message) {
    return with_u64(object_key('T', queue, 8), message.value);
}

std::string transaction_check(ObjectNo queue, MessageId message) {
    return with_u64(object_key('E', queue, 8), message.value);
}

std::string transaction_totals(ObjectNo queue) {
    return object_key('C', queue);
}

std::string script(ObjectNo subscription, model::ScriptRole role, std::uint32_t version) {
    std::string key = object_key('c', subscription, 5);
    Writer writer(key);
    writer.key_u8(static_cast<std::uint8_t>(role));
    writer.key_u32(version);
    return key;
}

std::string script_end(ObjectNo subscription, model::ScriptRole role) {
    std::string key = object_key('c', subscription, 1);
    Writer(key).key_u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(role) + 1));
    return key;
}

std::string kv(ObjectNo subscription, std::string_view key) {
    return object_key('n', subscription, key.size()).append(key);
}

std::string kv_totals(ObjectNo subscription) {
    return object_key('o', subscription);
}

std::string prefix(char kind, ObjectNo object) {
    return object_key(kind, object);
}

std::string prefix_end(char kind, ObjectNo object) {
    if (object.value == UINT32_MAX) return std::string(1, static_cast<char>(kind + 1));
    return object_key(kind, ObjectNo{object.value + 1});
}

std::uint64_t last_u64(std::string_view key) {
    return Reader(key.substr(key.size() - sizeof(std::uint64_t))).key_u64();
}

ObjectNo object_of(std::string_view key) {
    return ObjectNo{Reader(key.substr(1)).key_u32()};
}

ObjectNo last_object(std::string_view key) {
    return ObjectNo{Reader(key.substr(key.size() - sizeof(std::uint32_t))).key_u32()};
}

}  // namespace penstock::core::keys

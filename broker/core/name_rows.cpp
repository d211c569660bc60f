#include "broker/core/name_rows.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"

namespace penstock::core {

namespace {

constexpr std::uint8_t rows_version = 1;

char kind_letter(model::ObjectKind kind) {
    switch (kind) {
        case model::ObjectKind::queue:
        case model::ObjectKind::dead_letter_queue:
            return 'q';
        case model::ObjectKind::topic:
            return 't';
        case model::ObjectKind::subscription:
            return 's';
    }
    check(false, "an object of unknown kind");
    return '?';
}

std::string folded(model::ObjectKind kind, std::string_view name) {
    std::string out(name);
    if (kind_letter(kind) != 'q') return out;
    for (char& byte : out) {
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
    }
    return out;
}

Reader versioned(std::string_view bytes) {
    Reader reader(bytes);
    check(reader.u8() == rows_version, "a row of names has a version this build does not know");
    return reader;
}

}  // namespace

namespace name_keys {

std::string by_name(char prefix, model::ObjectKind kind, std::string_view name) {
    return std::string{prefix, kind_letter(kind)} + folded(kind, name);
}

std::string by_number(model::ObjectNo number) {
    std::string key = "o";
    Writer(key).key_u32(number.value);
    return key;
}

std::string key(std::string_view key_id) {
    return std::string("k").append(key_id);
}

std::string blocked_until(model::TimeMs until_ms, model::ObjectKind kind, std::string_view name) {
    std::string key = "y";
    Writer(key).key_u64(static_cast<std::uint64_t>(until_ms));
    return key + by_name('x', kind, name);
}

}  // namespace name_keys

std::string encode(const NameInfo& info) {
    std::string out;
    Writer writer(out);
    writer.u8(rows_version);
    writer.u8(static_cast<std::uint8_t>(info.kind));
    writer.varint(info.set.value);
    writer.bytes(info.name);
    writer.u8(static_cast<std::uint8_t>(info.state));
    writer.i64(info.created_ms);
    return out;
}

NameInfo decode_name(model::ObjectNo number, std::string_view bytes) {
    Reader reader = versioned(bytes);
    NameInfo info;
    info.number = number;
    info.kind = static_cast<model::ObjectKind>(reader.u8());
    info.set = model::SetId{static_cast<std::uint16_t>(reader.varint())};
    info.name = reader.text();
    info.state = static_cast<NameState>(reader.u8());
    info.created_ms = reader.i64();
    check(reader.done(), "a row of names is malformed");
    return info;
}

std::string encode(const KeyInfo& key) {
    std::string out;
    Writer writer(out);
    writer.u8(rows_version);
    writer.bytes(key.secret);
    writer.boolean(key.root);
    return out;
}

KeyInfo decode_key(std::string_view key_id, std::string_view bytes) {
    Reader reader = versioned(bytes);
    KeyInfo key;
    key.key_id = std::string(key_id);
    key.secret = reader.text();
    key.root = reader.boolean();
    check(reader.done(), "a key's row is malformed");
    return key;
}

std::string encode(const NameCounters& counters) {
    std::string out;
    Writer writer(out);
    writer.u8(rows_version);
    writer.varint(counters.next);
    writer.varint(counters.queues);
    writer.varint(counters.topics);
    writer.varint(counters.reuse_ms);
    writer.varint(counters.objects.size());
    for (const auto& [set, objects] : counters.objects) {
        writer.varint(set.value);
        writer.varint(objects);
    }
    return out;
}

NameCounters decode_counters(std::string_view bytes) {
    Reader reader = versioned(bytes);
    NameCounters counters;
    counters.next = static_cast<std::uint32_t>(reader.varint());
    counters.queues = static_cast<std::uint32_t>(reader.varint());
    counters.topics = static_cast<std::uint32_t>(reader.varint());
    counters.reuse_ms = static_cast<std::uint32_t>(reader.varint());
    for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
        const model::SetId set{static_cast<std::uint16_t>(reader.varint())};
        counters.objects[set] = static_cast<std::uint32_t>(reader.varint());
    }
    check(reader.done(), "the row of counters is malformed");
    return counters;
}

}  // namespace penstock::core

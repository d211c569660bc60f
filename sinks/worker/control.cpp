#include "sinks/worker/control.h"

#include "broker/base/bytes.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::sinks::worker {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint8_t signal_max = 64;
constexpr std::size_t layers_max = 64;

enum class Kind : std::uint8_t {
    start = 1,
    signal = 2,
    kill = 3,
    ping = 4,
    weigh = 5,
    hello = 16,
    ended = 17,
    pong = 18,
    weight = 19,
};

Writer head(std::string& out, Kind kind) {
    Writer writer(out);
    writer.u8(version);
    writer.u8(static_cast<std::uint8_t>(kind));
    return writer;
}

void write_texts(Writer& writer, const std::vector<std::string>& texts) {
    writer.varint(texts.size());
    for (const auto& text : texts) writer.bytes(text);
}

struct Encoder {
    std::string& out;

    void operator()(const StartProcess& message) const {
        Writer writer = head(out, Kind::start);
        const ProcessOrder& order = message.order;
        writer.u64(message.process);
        writer.u8(static_cast<std::uint8_t>(order.profile));
        writer.u32(order.function);
        writer.boolean(order.only_computes);
        writer.u64(order.limits.memory_bytes);
        writer.u32(order.limits.processes);
        writer.u32(order.limits.open_files);
        writer.u64(order.limits.file_bytes);
        writer.u32(order.limits.cpu_shares);
        writer.bytes(order.folder);
        for (const auto* texts :
             {&order.command, &order.environment, &order.readable, &order.writable})
            write_texts(writer, *texts);
        writer.u8(message.files);
    }

    void operator()(const SignalProcess& message) const {
        Writer writer = head(out, Kind::signal);
        writer.u64(message.process);
        writer.u8(message.signal);
    }

    void operator()(const KillProcess& message) const {
        head(out, Kind::kill).u64(message.process);
    }

    void operator()(const Ping& message) const { head(out, Kind::ping).u64(message.token); }

    void operator()(const WeighProcess& message) const {
        head(out, Kind::weigh).u64(message.process);
    }

    void operator()(const Hello& message) const {
        Writer writer = head(out, Kind::hello);
        writer.varint(message.layers.size());
        for (const auto& layer : message.layers) {
            writer.bytes(layer.name);
            writer.bytes(layer.state);
        }
    }

    void operator()(const Ended& message) const {
        Writer writer = head(out, Kind::ended);
        writer.u64(message.process);
        writer.u8(static_cast<std::uint8_t>(message.end.kind));
        writer.u32(static_cast<std::uint32_t>(message.end.code));
        writer.boolean(message.end.out_of_memory);
        writer.u64(message.end.cpu_us);
        writer.bytes(std::string_view(message.end.detail).substr(0, detail_bytes_max));
    }

    void operator()(const Pong& message) const { head(out, Kind::pong).u64(message.token); }

    void operator()(const Weight& message) const {
        Writer writer = head(out, Kind::weight);
        writer.u64(message.process);
        writer.u64(message.bytes);
    }
};

// A boolean is 0 or 1 here, nothing else.
bool read_flag(Reader& reader) {
    const std::uint8_t value = reader.u8();
    if (value > 1) reader.fail();
    return value == 1;
}

template <class Enum>
Enum read_enum(Reader& reader, Enum first, Enum last) {
    const std::uint8_t value = reader.u8();
    if (value >= static_cast<std::uint8_t>(first) && value <= static_cast<std::uint8_t>(last))
        return static_cast<Enum>(value);
    reader.fail();
    return first;
}

std::vector<std::string> read_texts(Reader& reader) {
    const std::size_t count = reader.count(1);
    if (count > order_texts_max) reader.fail();
    std::vector<std::string> texts;
    for (std::size_t at = 0; at < count && reader.ok(); ++at) texts.push_back(reader.text());
    return texts;
}

StartProcess read_start(Reader& reader) {
    StartProcess message;
    ProcessOrder& order = message.order;
    message.process = reader.u64();
    order.profile = read_enum(reader, SandboxProfile::none, SandboxProfile::strict);
    order.function = reader.u32();
    order.only_computes = read_flag(reader);
    order.limits.memory_bytes = reader.u64();
    order.limits.processes = reader.u32();
    order.limits.open_files = reader.u32();
    order.limits.file_bytes = reader.u64();
    order.limits.cpu_shares = reader.u32();
    order.folder = reader.text();
    for (auto* texts : {&order.command, &order.environment, &order.readable, &order.writable})
        *texts = read_texts(reader);
    message.files = reader.u8();
    if (reader.ok() && complaint_about(order, message.files)) reader.fail();
    return message;
}

SignalProcess read_signal(Reader& reader) {
    SignalProcess message;
    message.process = reader.u64();
    message.signal = reader.u8();
    if (message.signal == 0 || message.signal > signal_max) reader.fail();
    return message;
}

Hello read_hello(Reader& reader) {
    Hello message;
    const std::size_t count = reader.count(2);
    if (count > layers_max) reader.fail();
    for (std::size_t at = 0; at < count && reader.ok(); ++at) {
        SandboxLayer layer;
        layer.name = reader.text();
        layer.state = reader.text();
        message.layers.push_back(std::move(layer));
    }
    return message;
}

Ended read_ended(Reader& reader) {
    using EndKind = ProcessEnd::Kind;
    Ended message;
    message.process = reader.u64();
    message.end.kind = read_enum(reader, EndKind::exited, EndKind::lost);
    message.end.code = static_cast<int>(reader.u32());
    message.end.out_of_memory = read_flag(reader);
    message.end.cpu_us = reader.u64();
    message.end.detail = reader.text();
    if (message.end.detail.size() > detail_bytes_max) reader.fail();
    return message;
}

Weight read_weight(Reader& reader) {
    Weight message;
    message.process = reader.u64();
    message.bytes = reader.u64();
    return message;
}

// The kind behind a right version; anything else leaves the reader failed.
Kind read_head(Reader& reader, std::string_view bytes) {
    if (bytes.size() > message_bytes_max || reader.u8() != version) reader.fail();
    return static_cast<Kind>(reader.u8());
}

template <class Message>
Result<Message> finished(const Reader& reader, Message message) {
    if (!reader.done()) return error(Errc::invalid, "a malformed control message");
    return message;
}

bool has_nul(const std::string& text) {
    return text.find('\0') != std::string::npos;
}

bool is_path(const std::string& text) {
    return !text.empty() && text.front() == '/';
}

std::optional<std::string> complaint_about_texts(const ProcessOrder& order) {
    const std::array lists{&order.command, &order.environment, &order.readable, &order.writable};
    std::size_t bytes = order.folder.size();
    for (const auto* list : lists) {
        if (list->size() > order_texts_max)
            return "more than " + std::to_string(order_texts_max) +
                   " arguments, variables or folders: give fewer";
        if (std::any_of(list->begin(), list->end(), has_nul))
            return "a zero byte in the command, its environment or a path: remove it";
        for (const auto& text : *list) bytes += text.size() + 3;
    }
    // Leaves room for the numbers around the texts.
    if (bytes + 128 > message_bytes_max)
        return "command and environment take " + std::to_string(bytes) + " bytes, at most " +
               std::to_string(message_bytes_max - 128) + " are possible: shorten them";
    return std::nullopt;
}

}  // namespace

std::string encode(const ToSupervisor& message) {
    std::string out;
    std::visit(Encoder{out}, message);
    return out;
}

std::string encode(const FromSupervisor& message) {
    std::string out;
    std::visit(Encoder{out}, message);
    return out;
}

Result<ToSupervisor> decode_to_supervisor(std::string_view bytes) {
    Reader reader(bytes);
    ToSupervisor message;
    switch (read_head(reader, bytes)) {
        case Kind::start:
            message = read_start(reader);
            break;
        case Kind::signal:
            message = read_signal(reader);
            break;
        case Kind::kill:
            message = KillProcess{reader.u64()};
            break;
        case Kind::ping:
            message = Ping{reader.u64()};
            break;
        case Kind::weigh:
            message = WeighProcess{reader.u64()};
            break;
        default:
            reader.fail();
    }
    return finished(reader, std::move(message));
}

Result<FromSupervisor> decode_from_supervisor(std::string_view bytes) {
    Reader reader(bytes);
    FromSupervisor message;
    switch (read_head(reader, bytes)) {
        case Kind::hello:
            message = read_hello(reader);
            break;
        case Kind::ended:
            message = read_ended(reader);
            break;
        case Kind::pong:
            message = Pong{reader.u64()};
            break;
        case Kind::weight:
            message = read_weight(reader);
            break;
        default:
            reader.fail();
    }
    return finished(reader, std::move(message));
}

std::optional<std::string> complaint_about(const ProcessOrder& order, std::size_t files) {
    if (order.command.empty()) return "no command: name a program";
    if (!is_path(order.command.front()))
        return "the program \"" + order.command.front() + "\" is no absolute path: give one";
    if (!is_path(order.folder) || has_nul(order.folder))
        return "the working folder \"" + order.folder + "\" is no absolute path: give one";
    for (const auto* paths : {&order.readable, &order.writable}) {
        for (const auto& path : *paths) {
            if (!is_path(path)) return "\"" + path + "\" is no absolute path: give one";
        }
    }
    if (files > message_files_max)
        return "more than " + std::to_string(message_files_max) + " descriptors for one process";
    if (order.limits.open_files < std::max<std::size_t>(files, 3) + 1)
        return "open_files = " + std::to_string(order.limits.open_files) +
               " leaves no descriptor to work with: allow more";
    return complaint_about_texts(order);
}

}  // namespace penstock::sinks::worker

// Control messages: what the server and penstock-supervisor say to each other, one message a
// datagram of a seqpacket socket pair. Values and pure functions, any thread. Both sides parse
// strictly: whatever is not exactly one message is Error{invalid}, and the side that meets it gives
// the other one up.
//
//   message  = version u8 (1), kind u8, body; numbers little-endian, text = varint length, bytes
//   to the supervisor
//     1 start   process u64, profile u8, function u32, only_computes u8, memory u64, processes u32,
//               open_files u32, file_bytes u64, cpu_shares u32, folder text, then four lists
//               (varint count, texts): command, environment, readable, writable; then files u8, the
//               number of descriptors that come along
//     2 signal  process u64, signal u8
//     3 kill    process u64
//     4 ping    token u64
//     5 weigh   process u64
//   to the server
//     16 hello  varint count, (name text, state text) of each layer; one descriptor comes along: a
//               pidfd of the supervisor's working process
//     17 ended  process u64, kind u8, code u32, out_of_memory u8, cpu_us u64, detail text
//     18 pong   token u64
//     19 weight process u64, resident bytes of its tree u64
#pragma once

#include "broker/base/error.h"
#include "sinks/worker/launcher.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock::sinks::worker {

inline constexpr std::size_t message_bytes_max = 128 << 10;
inline constexpr std::size_t message_files_max = 16;   // as many as a datagram takes
inline constexpr std::size_t order_texts_max = 4'096;  // in each list of an order
inline constexpr std::size_t detail_bytes_max = 1'024;

struct StartProcess {
    Launcher::ProcessNo process = 0;
    ProcessOrder order;
    std::uint8_t files = 0;
};

struct SignalProcess {
    Launcher::ProcessNo process = 0;
    std::uint8_t signal = 0;
};

struct KillProcess {
    Launcher::ProcessNo process = 0;
};

struct Ping {
    std::uint64_t token = 0;
};

struct WeighProcess {
    Launcher::ProcessNo process = 0;
};

using ToSupervisor = std::variant<StartProcess, SignalProcess, KillProcess, Ping, WeighProcess>;

struct Hello {
    std::vector<SandboxLayer> layers;
};

struct Ended {
    Launcher::ProcessNo process = 0;
    ProcessEnd end;
};

struct Pong {
    std::uint64_t token = 0;
};

struct Weight {
    Launcher::ProcessNo process = 0;
    std::uint64_t bytes = 0;
};

using FromSupervisor = std::variant<Hello, Ended, Pong, Weight>;

std::string encode(const ToSupervisor& message);
std::string encode(const FromSupervisor& message);

Result<ToSupervisor> decode_to_supervisor(std::string_view bytes);
Result<FromSupervisor> decode_from_supervisor(std::string_view bytes);

// What makes an order impossible however healthy the machine is, as one line for people.
std::optional<std::string> complaint_about(const ProcessOrder& order, std::size_t files);

}  // namespace penstock::sinks::worker

#include "broker/base/log.h"

#include "broker/base/log_format.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <string>

namespace penstock {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

constexpr const char* text_pattern = "%Y-%m-%dT%H:%M:%S.%e%z %l %v";
constexpr const char* json_pattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})";

bool as_json = false;

spdlog::logger& logger() {
    static const std::shared_ptr<spdlog::logger> instance = [] {
        auto made = spdlog::stderr_color_mt("penstock");
        made->set_pattern(text_pattern);
        return made;
    }();
    return *instance;
}

std::string escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char byte : text) {
        if (static_cast<unsigned char>(byte) >= 0x20 && byte != 0x7F) {
            out.push_back(byte);
        } else {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
        }
    }
    return out;
}

}  // namespace

void log_line(LogLevel level, std::string_view room, std::string_view event) {
    const auto severity = to_spdlog(level);
    if (!logger().should_log(severity)) return;
    if (as_json) {
        logger().log(severity, "{}", log_members(room, event));
    } else {
        logger().log(severity, "room={} {}", room, escaped(event));
    }
}

void set_log_level(LogLevel level) {
    logger().set_level(to_spdlog(level));
}

void set_log_format(LogFormat format) {
    as_json = format == LogFormat::json;
    logger().set_pattern(as_json ? json_pattern : text_pattern);
}

}  // namespace penstock

// log_line(): the server's own log, one event a line as `key=value`, to stderr. The one permitted
// global; the core never logs, it returns. Any thread. Never a secret, never a message body.
#pragma once

#include <string_view>

namespace penstock {

enum class LogLevel { debug, info, warn, error };

// `room` names the folder that speaks ("storage/log"), `event` the message with its key=value
// pairs. Control bytes in `event` are escaped, so that no input can forge a line.
void log_line(LogLevel level, std::string_view room, std::string_view event);

// Lines below `level` are dropped; default info.
void set_log_level(LogLevel level);

}  // namespace penstock

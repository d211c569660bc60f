// Members: reads the members of one JSON object strictly and remembers the first that is wrong.
// Used by the decoders of the worker protocol only. A value over a borrowed object, any thread;
// after a wrong member it goes on with defaults, problem() says which one it was.
#pragma once

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks::worker {

// How deep JSON may nest on this wire: 32 for a function's own value and some for the frame.
inline constexpr std::size_t json_depth_max = 40;

// Memory for one frame's object: frames of usual size need none from the heap. It outlives what was
// parsed into it.
class ParseMemory {
  public:
    boost::json::storage_ptr storage() { return &resource_; }

    unsigned char* scratch() { return scratch_.data(); }

    [[nodiscard]] std::size_t scratch_size() const { return scratch_.size(); }

  private:
    std::array<unsigned char, 4096> scratch_;
    std::array<unsigned char, 8192> buffer_;
    boost::json::monotonic_resource resource_{buffer_.data(), buffer_.size()};
};

// The object in `text`; nothing if it is no JSON object.
std::optional<boost::json::object> parse_object(std::string_view text, ParseMemory& memory);

// The text of the value of member `name` of the top-level object `json`, exactly as it stands
// there: numbers keep every digit. `json` has been parsed before; `value` is what the parser made
// of it.
std::string raw_member(std::string_view json,
                       std::string_view name,
                       const boost::json::value& value);

// The items of the array `json`, each exactly as it stands there. `json` has been parsed before.
std::vector<std::string> raw_items(std::string_view json);

class Members {
  public:
    explicit Members(const boost::json::object& object) : object_(object) {}

    [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }

    const boost::json::value* find(std::string_view name) const;

    // A member that is not there (or null) gives the default and is no problem.
    std::string text(std::string_view name);
    bool boolean(std::string_view name);
    std::uint64_t count(std::string_view name, std::uint64_t most, std::uint64_t absent = 0);
    std::int64_t integer(std::string_view name);
    std::vector<std::string> texts(std::string_view name);
    std::vector<std::pair<std::string, std::string>> text_pairs(std::string_view name);

    std::string needed_text(std::string_view name);  // there and not empty

    // Member `name` as text or NAME_base64; both at once are a problem.
    std::string bytes(std::string_view name);

    void wrong(std::string_view name, std::string_view what);

    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    const boost::json::object& object_;
    std::string problem_;
};

}  // namespace penstock::sinks::worker

// TextPattern: Lua's patterns with a bound on the work. Same language and answers as Lua 5.4's own
// matcher, but every step is counted, so that no pattern can hold the processor. Pure, any thread;
// fails by problem(), never by an exception.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::lua {

class TextPattern {
  public:
    static constexpr std::size_t captures_max = 32;

    // Of a capture's length: an open one, and one that gives its position.
    static constexpr std::ptrdiff_t unfinished = -1;
    static constexpr std::ptrdiff_t position = -2;

    struct Capture {
        const char* begin = nullptr;
        std::ptrdiff_t length = 0;
    };

    using Stop = bool (*)();  // asked now and then: true ends the match as if steps were used up

    // `subject` and `pattern` must outlive it.
    TextPattern(std::string_view subject, std::string_view pattern, std::int64_t steps, Stop stop);

    // Matches `pattern` at `begin`; null: no match, or a problem. `begin` lies in the subject.
    const char* match_at(const char* begin);

    [[nodiscard]] std::size_t captures() const { return level_; }

    [[nodiscard]] const Capture& capture(std::size_t at) const { return captures_[at]; }

    // Empty: all is well. out_of_steps() stands apart from malformed patterns.
    [[nodiscard]] const std::string& problem() const { return problem_; }

    [[nodiscard]] bool out_of_steps() const { return steps_left_ < 0; }

    [[nodiscard]] std::int64_t steps_left() const { return steps_left_; }

  private:
    using Place = const char*;

    bool step();
    Place fail(std::string problem);
    Place match(Place text, Place item);
    Place match_item(Place text, Place item, bool& again, Place& next_text, Place& next_item);
    Place repeat_most(Place text, Place item, Place after);
    Place repeat_least(Place text, Place item, Place after);
    Place open_capture(Place text, Place item, std::ptrdiff_t length);
    Place close_capture(Place text, Place item);
    Place match_balance(Place text, Place item);
    Place match_capture(Place text, char digit);
    bool frontier(Place text, Place set, Place after);
    Place item_end(Place item);
    bool single(Place text, Place item, Place after);
    static bool in_class(unsigned char byte, unsigned char letter);
    static bool in_set(unsigned char byte, Place set, Place set_last);

    std::string_view subject_;
    std::string_view pattern_;
    Place text_end_;
    Place pattern_end_;
    std::int64_t steps_left_;
    Stop stop_;
    int depth_ = 0;
    std::size_t level_ = 0;
    std::array<Capture, captures_max> captures_{};
    std::string problem_;
};

// No byte of `pattern` means anything but itself.
bool is_plain_pattern(std::string_view pattern);

}  // namespace penstock::lua

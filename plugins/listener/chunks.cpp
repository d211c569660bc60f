#include "plugins/listener/chunks.h"

#include <algorithm>

namespace penstock::plugins {

namespace {

constexpr unsigned size_digits_max = 8;

int hex_value(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
    return -1;
}

}  // namespace

ChunkDecoder::State ChunkDecoder::take_size_byte(char byte) {
    const int value = hex_value(byte);
    if (value >= 0) {
        if (++digits_ > size_digits_max) return State::malformed;
        left_ = left_ * 16 + static_cast<std::size_t>(value);
        return State::more;
    }
    if (byte != '\r' || digits_ == 0) return State::malformed;
    expect_ = Expect::size_end;
    return State::more;
}

ChunkDecoder::State ChunkDecoder::take_line_end(char byte) {
    const bool wants_cr = expect_ == Expect::data_cr || expect_ == Expect::last_cr;
    if (byte != (wants_cr ? '\r' : '\n')) return State::malformed;
    switch (expect_) {
        case Expect::size_end:
            expect_ = left_ == 0 ? Expect::last_cr : Expect::data;
            break;
        case Expect::data_cr:
            expect_ = Expect::data_lf;
            break;
        case Expect::data_lf:
            expect_ = Expect::size;
            digits_ = 0;
            break;
        case Expect::last_cr:
            expect_ = Expect::last_lf;
            break;
        default:
            return State::done;  // last_lf
    }
    return State::more;
}

ChunkDecoder::State ChunkDecoder::feed(std::string_view& input, std::string& body) {
    State state = State::more;
    while (state == State::more && !input.empty()) {
        if (expect_ == Expect::data) {
            const auto part = input.substr(0, std::min(left_, input.size()));
            body.append(part);
            input.remove_prefix(part.size());
            left_ -= part.size();
            if (left_ == 0) expect_ = Expect::data_cr;
            continue;
        }
        const char byte = input.front();
        input.remove_prefix(1);
        state = expect_ == Expect::size ? take_size_byte(byte) : take_line_end(byte);
        if (state == State::more && left_ > body_bytes_max_ - body.size()) return State::too_large;
    }
    return state;
}

}  // namespace penstock::plugins

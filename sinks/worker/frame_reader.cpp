#include "broker/base/letters.h"
#include "sinks/worker/protocol.h"

#include <charconv>

namespace penstock::sinks::worker {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t head_bytes_max = 1024;

struct Head {
    std::size_t bytes;  // with its empty line
    std::size_t body_bytes;
};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The number of the Content-Length line; other lines of a head (Content-Type) mean nothing here.
std::optional<std::size_t> content_length(std::string_view lines) {
    std::optional<std::size_t> found;
    while (!lines.empty()) {
        const auto end = lines.find("\r\n");
        const std::string_view line = lines.substr(0, end);
        lines = end == std::string_view::npos ? std::string_view{} : lines.substr(end + 2);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        if (!same_letters(trimmed(line.substr(0, colon)), "content-length")) continue;
        const std::string_view digits = trimmed(line.substr(colon + 1));
        std::size_t bytes = 0;
        const char* last = digits.data() + digits.size();
        const auto [stop, failure] = std::from_chars(digits.data(), last, bytes);
        if (failure != std::errc{} || stop != last || found) return std::nullopt;
        found = bytes;
    }
    return found;
}

// Nothing: not all of it is there yet.
std::optional<Result<Head>> read_head(std::string_view bytes) {
    const auto end = bytes.substr(0, head_bytes_max).find(head_end);
    if (end == std::string_view::npos) {
        if (bytes.size() < head_bytes_max) return std::nullopt;
        return error(Errc::invalid, "a frame's head has no end");
    }
    const auto length = content_length(bytes.substr(0, end));
    if (!length) return error(Errc::invalid, "a frame's head has no single Content-Length");
    return Result<Head>(Head{end + head_end.size(), *length});
}

Error too_long(std::size_t bytes_max) {
    return error(Errc::invalid, "a frame is longer than " + std::to_string(bytes_max) + " bytes");
}

}  // namespace

Result<void> FrameReader::put(std::string_view bytes) {
    if (begin_ > 0) {
        buffer_.erase(0, begin_);
        whole_ -= begin_;
        scanned_ -= begin_;
        begin_ = 0;
    }
    buffer_.append(bytes);
    return framing_ == Framing::lines ? check_lines() : check_heads();
}

Result<void> FrameReader::check_lines() {
    for (;;) {
        const auto end = buffer_.find('\n', scanned_);
        const std::size_t stop = end == std::string::npos ? buffer_.size() : end;
        if (stop - whole_ > bytes_max_) return too_long(bytes_max_);
        if (end == std::string::npos) break;
        scanned_ = whole_ = end + 1;
    }
    scanned_ = buffer_.size();
    return {};
}

Result<void> FrameReader::check_heads() {
    for (;;) {
        const auto head = read_head(std::string_view(buffer_).substr(whole_));
        if (!head) break;
        if (!*head) return head->error();
        const auto [head_bytes, body_bytes] = **head;
        if (body_bytes > bytes_max_) return too_long(bytes_max_);
        if (buffer_.size() - whole_ < head_bytes + body_bytes) break;
        whole_ += head_bytes + body_bytes;
    }
    scanned_ = whole_;
    return {};
}

std::optional<std::string_view> FrameReader::next() {
    while (begin_ < whole_) {
        const std::string_view rest(buffer_.data() + begin_, whole_ - begin_);
        if (framing_ == Framing::content_length) {
            const auto head = read_head(rest);
            begin_ += (*head)->bytes + (*head)->body_bytes;
            return rest.substr((*head)->bytes, (*head)->body_bytes);
        }
        const auto end = rest.find('\n');
        begin_ += end + 1;
        const bool carriage = end > 0 && rest[end - 1] == '\r';
        const std::string_view line = rest.substr(0, carriage ? end - 1 : end);
        if (!line.empty()) return line;
    }
    return std::nullopt;
}

std::string framed(Framing framing, std::string_view json) {
    std::string frame;
    frame.reserve(json.size() + 32);
    if (framing == Framing::content_length)
        frame = "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n";
    frame.append(json);
    if (framing == Framing::lines) frame.push_back('\n');
    return frame;
}

}  // namespace penstock::sinks::worker

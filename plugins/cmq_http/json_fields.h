// JsonFields: writes the members of a JSON object straight into text. The responses are flat and
// on the hot path, so no document is built first. One per response, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::cmq {

class JsonFields {
  public:
    void text(std::string_view name, std::string_view value);  // UTF-8
    void number(std::string_view name, std::int64_t value);
    void number(std::string_view name, std::uint64_t value);
    void texts(std::string_view name, const std::vector<std::string>& values);

    // A list of objects: open_list, then for each open_item ... close_item, then close_list.
    void open_list(std::string_view name);
    void open_item();

    void close_item() { out_.push_back('}'); }

    void close_list() { out_.push_back(']'); }

    // Members written elsewhere; may be empty.
    void append(const std::string& members);

    // "name":value,... without braces.
    std::string take() { return std::move(out_); }

  private:
    void separate();
    void name(std::string_view name);
    void quote(std::string_view value);

    std::string out_;
};

}  // namespace penstock::plugins::cmq

// The format of a dump, as lua_dump of 5.4 writes it with debug information:
//
//   "\x1bLua" version format data[6] sizes[3] integer[8] number[8]  upvalue-count u8  function
//   function: source text  line varint  last varint  parameters u8  vararg u8  stack u8
//     varint, that many instructions of 4 bytes
//     varint, that many constants: type u8, then nothing, 8 bytes or a text
//     varint, that many upvalues of 3 bytes
//     varint, that many functions
//     varint, line differences of 1 byte     varint, absolute lines: pc varint, line varint
//     varint, locals: text, varint, varint   varint, upvalue names: text
//   text: varint of its length + 1, or 0 for none; varint: 7 bits a byte, the last with bit 7 set
#include "lua/global_names.h"

#include "lua/sandbox.h"

#include <lua.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>

namespace penstock::lua {
namespace {

constexpr std::size_t header_bytes = 4 + 1 + 1 + 6 + 3 + 8 + 8;
constexpr std::uint32_t get_tab_up = 11;  // reads upvalue[B][constant C]
constexpr std::uint32_t set_tab_up = 15;  // writes upvalue[A][constant B]
constexpr unsigned char constant_real = 0x13;
constexpr unsigned char constant_integer = 0x03;
constexpr unsigned char constant_short_text = 0x04;
constexpr unsigned char constant_long_text = 0x14;
constexpr signed char absolute_line = -0x80;

class DumpReader {
  public:
    explicit DumpReader(std::string_view bytes) : bytes_(bytes) {}

    std::vector<GlobalUse> run() {
        skip(header_bytes + 1);
        function();
        return std::move(uses_);
    }

  private:
    std::uint8_t byte() {
        if (at_ >= bytes_.size()) return 0x80;  // ends every varint
        return static_cast<std::uint8_t>(bytes_[at_++]);
    }

    void skip(std::size_t count) { at_ = std::min(bytes_.size(), at_ + count); }

    std::size_t varint() {
        std::size_t value = 0;
        for (;;) {
            const std::uint8_t next = byte();
            value = value << 7U | (next & 0x7FU);
            if ((next & 0x80U) != 0) return value;
        }
    }

    // How many things follow: never more than bytes.
    std::size_t count() { return std::min(varint(), bytes_.size()); }

    std::string text() {
        const std::size_t size = varint();
        if (size <= 1) return {};
        const std::string found(bytes_.substr(std::min(at_, bytes_.size()), size - 1));
        skip(size - 1);
        return found;
    }

    std::vector<std::string> constants() {
        std::vector<std::string> texts(count());
        for (std::string& one : texts) {
            const unsigned char type = byte();
            if (type == constant_real || type == constant_integer) skip(8);
            if (type == constant_short_text || type == constant_long_text) one = text();
        }
        return texts;
    }

    void function() {
        const std::string source = text();
        int line = static_cast<int>(varint());
        varint();
        skip(3);
        std::vector<std::uint32_t> code(count());
        for (std::uint32_t& instruction : code) {
            if (at_ + sizeof(instruction) <= bytes_.size())
                std::memcpy(&instruction, bytes_.data() + at_, sizeof(instruction));
            skip(sizeof(instruction));
        }
        const std::vector<std::string> names = constants();
        skip(3 * count());
        // Inner functions come first in the dump; what they use is moved behind the outer's own.
        const std::size_t inner_begin = uses_.size();
        for (std::size_t left = count(); left > 0 && at_ < bytes_.size(); --left) function();
        std::vector<GlobalUse> inner(uses_.begin() + static_cast<std::ptrdiff_t>(inner_begin),
                                     uses_.end());
        uses_.resize(inner_begin);
        const std::vector<int> lines = line_numbers(line);
        skip_locals();
        std::vector<std::string> upvalues(count());
        for (std::string& upvalue : upvalues) upvalue = text();
        collect(code, names, lines, upvalues);
        uses_.insert(uses_.end(), inner.begin(), inner.end());
    }

    std::vector<int> line_numbers(int line) {
        std::vector<signed char> steps(count());
        for (signed char& step : steps) step = static_cast<signed char>(byte());
        std::vector<std::pair<std::size_t, int>> absolute(count());
        for (auto& [instruction, its_line] : absolute) {
            instruction = varint();
            its_line = static_cast<int>(varint());
        }
        std::vector<int> lines;
        auto next = absolute.begin();
        for (std::size_t at = 0; at < steps.size(); ++at) {
            line = steps[at] == absolute_line && next != absolute.end() ? (next++)->second
                                                                        : line + steps[at];
            lines.push_back(line);
        }
        return lines;
    }

    void skip_locals() {
        for (std::size_t left = count(); left > 0 && at_ < bytes_.size(); --left) {
            text();
            varint();
            varint();
        }
    }

    void collect(const std::vector<std::uint32_t>& code,
                 const std::vector<std::string>& names,
                 const std::vector<int>& lines,
                 const std::vector<std::string>& upvalues) {
        for (std::size_t at = 0; at < code.size(); ++at) {
            const std::uint32_t instruction = code[at];
            const std::uint32_t operation = instruction & 0x7FU;
            const bool write = operation == set_tab_up;
            if (!write && operation != get_tab_up) continue;
            const std::uint32_t a = instruction >> 7U & 0xFFU;
            const std::uint32_t b = instruction >> 16U & 0xFFU;
            const std::uint32_t c = instruction >> 24U;
            const std::uint32_t upvalue = write ? a : b;
            const std::uint32_t constant = write ? b : c;
            if (upvalue >= upvalues.size() || upvalues[upvalue] != "_ENV") continue;
            if (constant >= names.size()) continue;
            uses_.push_back({names[constant], at < lines.size() ? lines[at] : 0, write});
        }
    }

    std::string_view bytes_;
    std::size_t at_ = 0;
    std::vector<GlobalUse> uses_;
};

int append_dump(lua_State*, const void* bytes, std::size_t size, void* out) {
    static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
    return 0;
}

struct CloseState {
    void operator()(lua_State* state) const { lua_close(state); }
};

}  // namespace

std::vector<GlobalUse> global_uses(std::string_view code, const std::string& name) {
    const std::unique_ptr<lua_State, CloseState> state(luaL_newstate());
    if (state == nullptr) return {};
    const std::string chunk = "=" + name;
    if (luaL_loadbufferx(state.get(), code.data(), code.size(), chunk.c_str(), "t") != LUA_OK)
        return {};
    std::string dump;
    lua_dump(state.get(), &append_dump, &dump, 0);
    return DumpReader(dump).run();
}

std::vector<std::string> unknown_globals(std::string_view code, const std::string& name) {
    std::set<std::string> known;
    for (std::string& one : sandbox_names()) known.insert(std::move(one));
    const std::vector<GlobalUse> uses = global_uses(code, name);
    for (const GlobalUse& use : uses)
        if (use.write) known.insert(use.name);
    std::vector<std::string> findings;
    for (const GlobalUse& use : uses) {
        if (use.write || !known.insert(use.name).second) continue;
        findings.push_back(name + ":" + std::to_string(use.line) + ": global '" + use.name +
                           "' is never set and is no part of the sandbox");
    }
    return findings;
}

}  // namespace penstock::lua

// Every script in attacks/ against one worker process: it must end as its first line says, within
// one and a half times its budget, and leave the process as it was.
#include "tests/lua/lua_fixture.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace penstock::lua {
namespace {

constexpr std::int64_t budget_ms = 200;

// What a shared machine takes from a process for a moment counts as the process's time: the
// quickest of so many goes is judged.
constexpr int goes = 3;

// Lua shrinks its table of texts only when a quarter of it would do.
constexpr std::size_t text_table_slack = 4'096;

Limits small_limits() {
    Limits limits;
    limits.memory_bytes = 32 << 20;
    limits.cpu_ms = budget_ms;
    return limits;
}

std::vector<std::filesystem::path> attack_files() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(PENSTOCK_SOURCE_DIR "/tests/lua/attacks"))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

std::int64_t cpu_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1'000LL + now.tv_nsec / 1'000'000;
}

// What the last go gave; one of them must be done within one and a half budgets.
template <typename Go>
auto in_time(const Go& go) {
    for (int left = goes;;) {
        const std::int64_t begin_ms = cpu_ms();
        auto outcome = go();
        const std::int64_t took_ms = cpu_ms() - begin_ms;
        if (took_ms < budget_ms * 3 / 2) return outcome;
        if (--left > 0) continue;
        ADD_FAILURE() << "took " << took_ms << " ms";
        return outcome;
    }
}

struct Attack {
    std::string expect;
    std::string code;
};

// Calm messages go around the attack, in the same state.
Attack read_attack(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const std::string head = "-- expect: ";
    EXPECT_EQ(text.substr(0, head.size()), head);
    return {text.substr(head.size(), text.find('\n') - head.size()),
            text +
                "\nfunction handle(event, ctx)\n"
                "  if event.body == 'calm' then return string.rep('calm', 2, ' ') end\n"
                "  if event.body == 'wrong' then error('wrong') end\n"
                "  return attack(event, ctx)\n"
                "end\n"};
}

class Attacks : public LuaFixture, public ::testing::WithParamInterface<std::filesystem::path> {
  protected:
    Attacks() : LuaFixture(small_limits()) {}

    // Lua gives its table of texts back by halves.
    std::size_t settled_memory() {
        std::size_t used = 0;
        do {
            used = worker_.memory_used();
            worker_.collect_garbage();
        } while (worker_.memory_used() < used);
        return used;
    }

    void expect_calm(const char* when) {
        const Heard heard = handle("calm");
        EXPECT_TRUE(heard.answer.ok) << when << heard.answer.error;
        EXPECT_EQ(heard.answer.result, "\"calm calm\"") << when;
    }
};

std::string outcome(const sinks::worker::Heard& heard) {
    if (heard.kind == sinks::worker::Heard::Kind::tripped)
        return heard.answer.error.find("memory") != std::string::npos ? "memory" : "budget";
    return heard.answer.ok ? "ok" : "error " + heard.answer.error;
}

bool matches(const std::string& outcome, const std::string& expected) {
    if (expected.substr(0, 5) != "error") return outcome == expected;
    const std::string wanted = expected.size() > 6 ? expected.substr(6) : "";
    return outcome.substr(0, 5) == "error" && outcome.find(wanted) != std::string::npos;
}

TEST_P(Attacks, EndsAsItsFirstLineSaysAndHarmsNobody) {
    const Attack attack = read_attack(GetParam());
    ASSERT_EQ(load("function filter() return true end", "filter"), "");
    const std::string refused = in_time([&] { return load(attack.code); });
    if (!refused.empty()) {
        EXPECT_TRUE(matches("error " + refused, attack.expect)) << refused;
        EXPECT_EQ(handle("x", "filter").answer.result, "true");
        return;
    }
    EXPECT_FALSE(handle("wrong").answer.ok);
    expect_calm("before: ");
    EXPECT_EQ(handle("x", "filter").answer.result, "true");
    const std::size_t memory_before = settled_memory();

    const Heard heard = in_time([&] { return handle("attack"); });
    EXPECT_TRUE(matches(outcome(heard), attack.expect)) << outcome(heard);

    expect_calm("after: ");
    EXPECT_EQ(handle("x", "filter").answer.result, "true");
    EXPECT_LE(settled_memory(), memory_before + memory_before / 100 + text_table_slack);
}

std::string test_name(const ::testing::TestParamInfo<std::filesystem::path>& file) {
    return file.param.stem().string();
}

INSTANTIATE_TEST_SUITE_P(Each, Attacks, ::testing::ValuesIn(attack_files()), &test_name);

TEST(AttackFiles, AreAtLeastAHundred) {
    EXPECT_GE(attack_files().size(), 100U);
}

}  // namespace
}  // namespace penstock::lua

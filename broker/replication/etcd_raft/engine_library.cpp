#include "broker/replication/etcd_raft/engine_library.h"

#include "broker/replication/etcd_raft/engine_functions.h"

#include <dlfcn.h>

#include <filesystem>
#include <string_view>
#include <system_error>

namespace penstock::replication {

namespace {

constexpr int go_threads = 1;    // that run Go code at the same time
constexpr int gc_percent = 100;  // payloads are not on Go's heap, so there is little to collect
constexpr std::int64_t no_limit = 0;

const char* const file_name = "libpenstock_etcd_raft.so";

// The address of `name`, as the function type of `to`; the first name missing stays in `missing`.
template <class Function>
void find(void* object, const char* name, Function& to, std::string& missing) {
    to = reinterpret_cast<Function>(::dlsym(object, name));
    if (to == nullptr && missing.empty()) missing = name;
}

std::string find_all(void* object, EngineFunctions& table) {
    std::string missing;
    find(object, "er_setup", table.setup, missing);
    find(object, "er_adopt", table.adopt, missing);
    find(object, "er_new", table.create, missing);
    find(object, "er_free", table.destroy, missing);
    find(object, "er_cycle", table.cycle, missing);
    find(object, "er_make_change", table.make_change, missing);
    find(object, "er_read_change", table.read_change, missing);
    find(object, "er_apply_conf", table.apply_conf, missing);
    find(object, "er_snapshot", table.snapshot, missing);
    find(object, "er_trim", table.trim, missing);
    find(object, "er_compact", table.compact, missing);
    find(object, "er_report", table.report, missing);
    find(object, "er_progress", table.progress, missing);
    find(object, "er_status", table.status, missing);
    find(object, "er_gc", table.memory, missing);
    return missing;
}

}  // namespace

std::string EngineLibrary::beside_us() {
    std::error_code problem;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", problem);
    return (self.parent_path() / file_name).string();
}

Result<EngineLibrary> EngineLibrary::load(const std::string& path) {
    std::error_code problem;
    if (!std::filesystem::exists(path, problem))
        return error(Errc::not_found,
                     "the replication engine " + path +
                         " is not there: this build may have been made without it "
                         "(PENSTOCK_CLUSTER=OFF), or the file was not installed");
    void* object = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (object == nullptr)
        return error(Errc::invalid,
                     "the replication engine cannot be loaded: " + std::string(::dlerror()));
    auto table = std::make_unique<EngineFunctions>();
    const std::string missing = find_all(object, *table);
    if (!missing.empty())
        return error(Errc::invalid, path + " is not our replication engine: no " + missing);
    table->setup(go_threads, gc_percent, no_limit, 0);
    return EngineLibrary(std::move(table));
}

EngineLibrary::EngineLibrary(std::unique_ptr<EngineFunctions> functions)
    : functions_(std::move(functions)) {}

EngineLibrary::EngineLibrary(EngineLibrary&&) noexcept = default;
EngineLibrary& EngineLibrary::operator=(EngineLibrary&&) noexcept = default;
EngineLibrary::~EngineLibrary() = default;

void EngineLibrary::run(void (*work)(void*), void* context) const {
    functions_->adopt(work, context);
}

void EngineLibrary::seed(std::int64_t seed) const {
    functions_->setup(0, 0, no_limit, seed);
}

EngineMemory EngineLibrary::memory() const {
    er_memory stats{};
    functions_->memory(&stats);
    return {.heap_bytes = stats.heap_bytes,
            .collections = stats.collections,
            .pause_nanoseconds = stats.pause_nanoseconds};
}

}  // namespace penstock::replication

// EngineLibrary: the shared object with etcd's Raft core, loaded by clustered processes only.
// Bringing it in starts Go's runtime with its threads: once per process, early in main, after the
// supervisor is started, and for good: nothing unloads it. `main` owns the one EngineLibrary; it
// outlives every Engine. A missing or foreign object is an Error naming the file.
//
// One thread owns a set's engine; each thread that calls engines lives inside run_inside(), which
// makes a call 80 ns instead of 2,000. Inside it: no stackful coroutine may call an engine, and
// fork is for exec only.
#pragma once

#include "broker/base/error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace penstock::replication {

struct EngineFunctions;

struct EngineMemory {
    std::uint64_t heap_bytes = 0;
    std::uint64_t collections = 0;
    std::uint64_t pause_nanoseconds = 0;
};

class EngineLibrary {
  public:
    // Where the object is looked for: beside our own executable.
    static std::string beside_us();

    static Result<EngineLibrary> load(const std::string& path);

    EngineLibrary(EngineLibrary&&) noexcept;
    EngineLibrary& operator=(EngineLibrary&&) noexcept;
    ~EngineLibrary();

    // Runs `work` on this thread until it returns; an exception that leaves it ends the process.
    template <class Work>
    void run_inside(Work&& work) const {
        auto call = [&work] {
            work();
        };
        run([](void* context) noexcept { (*static_cast<decltype(call)*>(context))(); }, &call);
    }

    // Makes the time-outs the engine draws by itself repeatable. For tests.
    void seed(std::int64_t seed) const;

    [[nodiscard]] EngineMemory memory() const;

    [[nodiscard]] const EngineFunctions& functions() const { return *functions_; }

  private:
    explicit EngineLibrary(std::unique_ptr<EngineFunctions> functions);
    void run(void (*work)(void*), void* context) const;

    std::unique_ptr<EngineFunctions> functions_;
};

}  // namespace penstock::replication

#include "sinks/worker/supervisor/explain.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace penstock::sinks::worker::supervisor {

namespace {

using FileStatus = struct stat;

constexpr unsigned any_execute = S_IXUSR | S_IXGRP | S_IXOTH;

std::string reason(int code) {
    return std::generic_category().message(code);
}

std::string whose(const StartedAs& started) {
    return started.user == 0 ? "the server's user" : "user " + std::to_string(started.user);
}

std::string explain_denied(const StartedAs& started) {
    FileStatus status{};
    const std::string& program = started.program;
    if (::stat(program.c_str(), &status) == 0) {
        if (S_ISDIR(status.st_mode)) return "the program " + program + " is a folder: name a file";
        if ((status.st_mode & any_execute) == 0)
            return "the program " + program + " is not executable: chmod +x " + program;
    }
    return whose(started) + " may not run " + program +
           ": allow it (chmod o+rx) on the file and every folder above";
}

std::string explain_exec(int code, const StartedAs& started) {
    const std::string& program = started.program;
    switch (code) {
        case ENOENT:
            if (::access(program.c_str(), F_OK) == 0)
                return "the interpreter named in the first line of " + program +
                       " does not exist: install it or correct the line";
            return "no such program: " + program + ": install it or correct the path";
        case EACCES:
            return explain_denied(started);
        case ENOEXEC:
            return program + " is no program: it needs a first line such as #!/bin/sh";
        case E2BIG:
            return "command and environment are too long for the kernel: shorten them";
        case ENOTDIR:
            return "no such program: " + program + ": a part of the path is no folder";
        default:
            return "cannot run " + program + ": " + reason(code);
    }
}

std::string explain_folder(int code, const StartedAs& started) {
    if (code == ENOENT)
        return "the working folder does not exist: " + started.folder + ": create it";
    if (code == ENOTDIR) return "the working folder is no folder: " + started.folder;
    return "cannot enter the working folder " + started.folder + ": " + reason(code);
}

const char* name_of(Step step) {
    switch (step) {
        case Step::session:
            return "a process of its own";
        case Step::cgroup:
            return "its cgroup";
        case Step::namespaces:
            return "the namespaces of profile strict";
        case Step::limits:
            return "its limits";
        case Step::folder:
            return "its folder";
        case Step::files:
            return "its descriptors";
        case Step::user:
            return "the user of its function";
        case Step::parent:
            return "its supervisor";
        case Step::privileges:
            return "no_new_privs";
        case Step::landlock:
            return "landlock";
        case Step::seccomp:
            return "seccomp";
        case Step::exec:
            return "exec";
    }
    return "a step";
}

}  // namespace

std::string explain(const Report& failure, const StartedAs& started) {
    if (failure.step == Step::exec) return explain_exec(failure.code, started);
    if (failure.step == Step::folder) return explain_folder(failure.code, started);
    const std::string why = failure.detail.empty() ? reason(failure.code) : failure.detail;
    if (failure.step == Step::landlock && failure.code == ENOENT)
        return "a folder given to the function cannot be opened: " + why + ": create or correct it";
    return "cannot start " + started.program + ": " + name_of(failure.step) + ": " + why;
}

bool is_shortage(int code) {
    return code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE || code == ENOSPC;
}

}  // namespace penstock::sinks::worker::supervisor

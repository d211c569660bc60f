#include "broker/programs.h"

#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

namespace penstock {

namespace {

bool is_folder(const std::string& path) {
    struct stat about {};

    return ::stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

bool is_file(const std::string& path) {
    struct stat about {};

    return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
}

bool is_program(const std::string& path) {
    return is_file(path) && ::access(path.c_str(), X_OK) == 0;
}

Error refuse(std::string detail) {
    return error(Errc::invalid, std::move(detail));
}

Result<std::vector<std::string>> check_path(const std::vector<std::string>& command) {
    const std::string& path = command.front();
    if (path.front() != '/') {
        return refuse(path + " is a relative path: give an absolute one, or a bare program name");
    }
    if (is_program(path)) return command;
    if (is_folder(path)) return refuse(path + " is a folder, not a program");
    if (is_file(path)) return refuse(path + " is not executable: chmod +x " + path);
    return refuse("there is no " + path + " on the server's machine");
}

Result<std::vector<std::string>> check_runtime(const std::vector<std::string>& command) {
    const std::string& folder = command.front();
    const std::string bootstrap = folder + "/bootstrap";
    if (folder.front() != '/') return refuse(folder + " is a relative path: give an absolute one");
    if (!is_folder(folder))
        return refuse("there is no folder " + folder + " on the server's machine");
    if (is_program(bootstrap)) return command;
    if (is_file(bootstrap)) {
        return refuse(bootstrap + " is not executable: chmod +x " + bootstrap);
    }
    return refuse(folder + " holds no file `bootstrap`, the program that runs the function");
}

}  // namespace

Result<std::vector<std::string>> find_program(model::SinkKind kind,
                                              const std::vector<std::string>& command,
                                              const std::vector<std::string>& folders) {
    if (command.empty() || command.front().empty()) return refuse("the command is empty");
    if (kind == model::SinkKind::runtime) return check_runtime(command);
    if (command.front().find('/') != std::string::npos) return check_path(command);
    std::string looked;
    for (const std::string& folder : folders) {
        std::vector<std::string> found = command;
        found.front() = folder + "/" + command.front();
        if (is_program(found.front())) return found;
        looked += (looked.empty() ? "" : ", ") + folder;
    }
    return refuse("there is no program '" + command.front() + "' in " + looked +
                  " (functions.program_folders)");
}

std::vector<std::string> split_folders(const std::string& text) {
    std::vector<std::string> folders;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ':');) {
        if (!part.empty()) folders.push_back(part);
    }
    return folders;
}

}  // namespace penstock

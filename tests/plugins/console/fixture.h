// Console: the console's front end, asked in memory. One test, one thread.
#pragma once

#include "plugins/console/front_end.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace penstock::plugins {

class Console : public ::testing::Test {
  protected:
    static HttpRequest request(std::string path, std::string method = "GET") {
        HttpRequest made;
        made.method = std::move(method);
        made.path = std::move(path);
        return made;
    }

    HttpResponse ask(HttpRequest made) {
        HttpResponse response;
        asio::io_context context;
        asio::co_spawn(context,
                       front_end->handle(std::move(made)),
                       [&](std::exception_ptr failure, HttpResponse answer) {
                           if (failure) std::rethrow_exception(failure);
                           response = std::move(answer);
                       });
        context.run();
        return response;
    }

    static std::string header(const HttpResponse& response, std::string_view name) {
        for (const auto& [key, value] : response.headers) {
            if (key == name) return value;
        }
        return {};
    }

    std::unique_ptr<HttpFrontEnd> front_end = make_console_front_end();
};

}  // namespace penstock::plugins

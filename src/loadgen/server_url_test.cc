#include <gtest/gtest.h>

#include "loadgen/client.h"

namespace chitu::loadgen {
namespace {

TEST(ServerUrl, IsReadAsPeopleWriteIt) {
  const auto parts = [](std::string_view url) {
    const auto server = Server::parse(url);
    return server.ok() ? server->host + " " + server->port + " " + server->prefix
                       : server.error().message;
  };
  EXPECT_EQ(parts("http://127.0.0.1:21002"), "127.0.0.1 21002 ");
  EXPECT_EQ(parts("localhost:8000/v1"), "localhost 8000 ");
  EXPECT_EQ(parts("http://host/v1/"), "host 80 ");
  EXPECT_EQ(parts("http://host:1/models/a/"), "host 1 /models/a");
  EXPECT_EQ(parts("http://[::1]:8080/"), "::1 8080 ");
  EXPECT_EQ(Server::parse("http://[::1]:8080")->authority(), "[::1]:8080");
  EXPECT_EQ(Server::parse("a:5")->authority(), "a:5");
}

TEST(ServerUrl, IsRefusedWithAReason) {
  for (const char* url :
       {"", "http://", "https://host", "ftp://host", "host:0", "host:65536", "host:x",
        "host:", ":80", "http://[::1", "http://[::1]x", "ho st:80", "host:80/a\r\nx: y"}) {
    const auto server = Server::parse(url);
    ASSERT_FALSE(server.ok()) << url;
    EXPECT_NE(server.error().message.find("http://127.0.0.1:21002"), std::string::npos);
  }
}

}  // namespace
}  // namespace chitu::loadgen

// A thread for what would hold up the network: parsing large bodies, chat templates, tokenizing.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <type_traits>
#include <utility>

namespace chitu {

namespace asio = boost::asio;

class TextWorker {
 public:
  ~TextWorker() { thread_.join(); }

  // Calls `work` on the thread, after what was asked for before, and resumes the caller where it
  // was. What `work` throws is thrown to the caller. What it refers to must live until then: the
  // caller's own variables do.
  template <class F>
  asio::awaitable<std::invoke_result_t<F&>> run(F work) {
    std::optional<std::invoke_result_t<F&>> result;
    co_await asio::co_spawn(thread_, call(work, result), asio::use_awaitable);
    co_return *std::move(result);
  }

 private:
  template <class F, class R>
  static asio::awaitable<void> call(F& work, std::optional<R>& result) {
    result.emplace(work());
    co_return;
  }

  asio::thread_pool thread_{1};
};

}  // namespace chitu

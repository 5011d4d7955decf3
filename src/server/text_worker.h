// Threads for what would hold up the network: one for parsing large bodies, chat templates and
// tokenizing; one for the JSON of large answers, so that these do not hold up the prompts.
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
  ~TextWorker() {
    prompts_.join();
    answers_.join();
  }

  // Calls `work` on the thread of the prompts, after what was asked of it before, and resumes the
  // caller where it was. What `work` throws is thrown to the caller. What it refers to must live
  // until then: the caller's own variables do.
  template <class F>
  asio::awaitable<std::invoke_result_t<F&>> run(F work) {
    return run_on(prompts_, std::move(work));
  }
  // The same, on the thread of the answers.
  template <class F>
  asio::awaitable<std::invoke_result_t<F&>> run_answer(F work) {
    return run_on(answers_, std::move(work));
  }

 private:
  template <class F>
  static asio::awaitable<std::invoke_result_t<F&>> run_on(asio::thread_pool& thread, F work) {
    std::optional<std::invoke_result_t<F&>> result;
    co_await asio::co_spawn(thread, call(work, result), asio::use_awaitable);
    co_return *std::move(result);
  }
  template <class F, class R>
  static asio::awaitable<void> call(F& work, std::optional<R>& result) {
    result.emplace(work());
    co_return;
  }

  asio::thread_pool prompts_{1};
  asio::thread_pool answers_{1};
};

}  // namespace chitu

// One connection as its session sees it: input that is read ahead, so that an end is noticed while
// a request is being answered; output that waits for the client only so long; and one deadline.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/http_transport.h"

namespace chitu {

class ByteChannel : public std::enable_shared_from_this<ByteChannel> {
 public:
  using Clock = std::chrono::steady_clock;

  // What a client has to move in a second that it wants added to its deadline.
  static constexpr double kMinBytesPerSecond = 8192;

  // Reads no further ahead than `max_input` bytes beyond what was consumed.
  ByteChannel(std::unique_ptr<Transport> transport, double write_timeout_s, size_t max_input);

  // TLS, and then reading ahead. False: the client is gone.
  asio::awaitable<bool> open(double timeout_s);

  // Waits until there is more input than `known` bytes. False: no more came until the deadline, or
  // the client ended; input() may hold bytes all the same.
  asio::awaitable<bool> receive(size_t known, Clock::time_point deadline);
  std::string_view input() const { return input_; }
  void consume(size_t bytes);

  // An answer begins: its client has the write timeout anew.
  void begin_answer();
  // False: the client is gone, or too slow and therefore cut off.
  asio::awaitable<bool> write(std::string_view bytes);
  int64_t answer_bytes() const { return answer_bytes_; }

  // Ends the output, and throws input away for some seconds: closing at once would have the system
  // destroy what the client has not read yet, while it still sends.
  asio::awaitable<void> linger();

  void close();
  bool closed() const { return closed_; }
  bool peer_ended() const { return peer_ended_ || closed_; }
  bool evicted() const { return evicted_; }

  // Called once when the client ends or the channel is closed; empty to forget it.
  void on_end(std::function<void()> callback) { on_end_ = std::move(callback); }

 private:
  enum class Waiting { kNothing, kInput, kOutput, kOther };

  asio::awaitable<void> read_ahead();
  void notice_end();
  bool is_writable();  // the system takes bytes for the client now
  void abort();        // close, and have the system forget what was not sent
  void set_deadline(Clock::time_point deadline, Waiting waiting);
  void clear_deadline() { waiting_ = Waiting::kNothing; }
  void arm_timer();
  void on_timer();

  std::unique_ptr<Transport> transport_;
  const std::chrono::duration<double> write_timeout_;
  const size_t max_input_;
  std::array<char, 16 << 10> chunk_{};
  std::string input_;
  asio::steady_timer input_changed_;  // cancelled as a signal: never expires
  asio::steady_timer timer_;
  Clock::time_point timer_at_ = Clock::time_point::max();  // what timer_ waits for
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point linger_end_{};
  Waiting waiting_ = Waiting::kNothing;
  bool input_timed_out_ = false;
  bool discarding_ = false;
  bool peer_ended_ = false;
  bool closed_ = false;
  bool evicted_ = false;
  bool reading_ = false;
  std::function<void()> on_end_;
  int64_t answer_bytes_ = 0;
  Clock::duration answer_waited_{};
};

}  // namespace chitu

#include "server/http_channel.h"

#include <poll.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace chitu {
namespace {

using Seconds = std::chrono::duration<double>;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

constexpr Seconds kLingerIdle{2};
constexpr Seconds kLinger{10};

ByteChannel::Clock::duration to_clock(Seconds seconds) {
  return std::chrono::duration_cast<ByteChannel::Clock::duration>(seconds);
}

}  // namespace

ByteChannel::ByteChannel(std::unique_ptr<Transport> transport, double write_timeout_s,
                         size_t max_input)
    : transport_(std::move(transport)),
      write_timeout_(write_timeout_s),
      max_input_(max_input),
      input_changed_(transport_->socket().get_executor(), Clock::time_point::max()),
      timer_(transport_->socket().get_executor()) {}

asio::awaitable<bool> ByteChannel::open(double timeout_s) {
  set_deadline(Clock::now() + to_clock(Seconds(timeout_s)), Waiting::kOther);
  const bool ready = co_await transport_->handshake();
  clear_deadline();
  if (!ready || closed_) co_return false;
  reading_ = true;
  // An exception in there (memory) ends the reading, and with it the connection.
  asio::co_spawn(transport_->socket().get_executor(), read_ahead(),
                 [self = shared_from_this()](const std::exception_ptr&) {
                   self->reading_ = false;
                   self->notice_end();
                 });
  co_return true;
}

asio::awaitable<void> ByteChannel::read_ahead() {
  while (!closed_) {
    if (input_.size() >= max_input_ && !discarding_) {
      (void)co_await input_changed_.async_wait(kAwait);
      continue;
    }
    const IoResult read = co_await transport_->read_some(asio::buffer(chunk_));
    if (read.error) co_return;
    if (discarding_) {
      deadline_ = std::max(deadline_, std::min(linger_end_, Clock::now() + to_clock(kLingerIdle)));
      continue;
    }
    input_.append(chunk_.data(), read.bytes);
    input_changed_.cancel();
  }
}

void ByteChannel::notice_end() {
  peer_ended_ = true;
  input_changed_.cancel();
  if (const auto callback = std::exchange(on_end_, nullptr)) callback();
}

asio::awaitable<bool> ByteChannel::receive(size_t known, Clock::time_point deadline) {
  input_timed_out_ = false;
  set_deadline(deadline, Waiting::kInput);
  while (input_.size() <= known && !peer_ended() && !input_timed_out_) {
    (void)co_await input_changed_.async_wait(kAwait);
  }
  clear_deadline();
  co_return input_.size() > known && !closed_;
}

void ByteChannel::consume(size_t bytes) {
  const bool was_full = input_.size() >= max_input_;
  input_.erase(0, bytes);
  if (was_full) input_changed_.cancel();
}

void ByteChannel::begin_answer() {
  answer_bytes_ = 0;
  answer_waited_ = {};
}

asio::awaitable<bool> ByteChannel::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (closed_) co_return false;
    const auto start = Clock::now();
    const bool has_room = is_writable();
    const Seconds earned(static_cast<double>(answer_bytes_) / kMinBytesPerSecond);
    const auto patience =
        std::min(to_clock(write_timeout_), to_clock(write_timeout_ + earned) - answer_waited_);
    set_deadline(start + patience, Waiting::kOutput);
    const IoResult written =
        co_await transport_->write_some(asio::buffer(bytes.data(), bytes.size()));
    clear_deadline();
    // With room, only this thread's other work can have taken time.
    if (!has_room) answer_waited_ += Clock::now() - start;
    if (written.error) {
      close();
      co_return false;
    }
    answer_bytes_ += static_cast<int64_t>(written.bytes);
    bytes.remove_prefix(written.bytes);
  }
  co_return true;
}

bool ByteChannel::is_writable() {
  pollfd socket{.fd = transport_->socket().native_handle(), .events = POLLOUT, .revents = 0};
  return ::poll(&socket, 1, 0) == 1 && (socket.revents & POLLOUT) != 0;
}

asio::awaitable<void> ByteChannel::linger() {
  if (closed_) co_return;
  discarding_ = true;
  input_.clear();
  input_changed_.cancel();
  linger_end_ = Clock::now() + to_clock(kLinger);
  set_deadline(Clock::now() + to_clock(kLingerIdle), Waiting::kOther);
  co_await transport_->end_writing();
  while (reading_ && !closed_) (void)co_await input_changed_.async_wait(kAwait);
  close();
}

void ByteChannel::close() {
  if (closed_) return;
  closed_ = true;
  clear_deadline();
  timer_.cancel();
  boost::system::error_code ignored;
  transport_->socket().close(ignored);
  notice_end();
}

void ByteChannel::abort() {
  boost::system::error_code ignored;
  transport_->socket().set_option(asio::socket_base::linger(true, 0), ignored);
  close();
}

void ByteChannel::set_deadline(Clock::time_point deadline, Waiting waiting) {
  waiting_ = waiting;
  deadline_ = deadline;
  // A timer that waits for less will see then that the deadline has moved: most deadlines are never
  // met, and so cost no timer.
  if (deadline_ < timer_at_) arm_timer();
}

void ByteChannel::arm_timer() {
  timer_at_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (error) return;
    if (const auto self = weak.lock()) self->on_timer();
  });
}

void ByteChannel::on_timer() {
  timer_at_ = Clock::time_point::max();
  if (waiting_ == Waiting::kNothing || closed_) return;
  if (Clock::now() < deadline_) return arm_timer();
  if (waiting_ == Waiting::kInput) {
    input_timed_out_ = true;
    input_changed_.cancel();
  } else if (waiting_ == Waiting::kOutput) {
    evicted_ = true;
    abort();
  } else {
    close();
  }
}

}  // namespace chitu

#include "probe.hpp"

#include <pqxx/nontransaction>
#include <utility>

namespace battery_twin::store {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetween = 2s;
constexpr auto kBetweenWhileAway = 500ms;
constexpr auto kPatience = 2s;  // an answer that takes longer is none
constexpr auto kLimit = 5s;

}  // namespace

Probe::Probe(Address address, Watch& watch, bool reached)
    : address_(std::move(address)), watch_(watch), is_reached_(reached), thread_([this] { run(); }) {}

Probe::~Probe() { stop(); }

Probe::State Probe::state() const {
  const std::lock_guard lock(mutex_);
  const bool is_late = asked_ && Clock::now() - *asked_ > kPatience;
  return {.is_reached = is_reached_ && !is_late, .latency_ms = is_reached_ && !is_late ? latency_ms_ : std::nullopt};
}

void Probe::stop_soon() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_one();
}

void Probe::stop() {
  if (!thread_.joinable()) return;
  stop_soon();
  thread_.join();
}

void Probe::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto start = Clock::now();
    asked_ = start;
    lock.unlock();
    bool is_reached = true;
    try {
      ask();
    } catch (const std::exception&) {
      link_.reset();
      is_reached = false;
    }
    lock.lock();
    asked_.reset();
    is_reached_ = is_reached;
    if (is_reached) latency_ms_ = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    stopped_.wait_for(lock, is_reached ? Clock::duration(kBetween) : kBetweenWhileAway, [this] { return stopping_; });
  }
  lock.unlock();
  link_.reset();
}

void Probe::ask() {
  const auto ask_on_link = [this] {
    const auto limited = link_->limit(kLimit);
    pqxx::nontransaction(**link_).exec("select 1");
  };
  if (link_) {
    try {
      ask_on_link();
      return;
    } catch (const std::exception&) {
      // It may have been cut since the last question, which says nothing about now.
      link_.reset();
      const std::lock_guard lock(mutex_);
      if (stopping_) throw;
    }
  }
  link_ = std::make_unique<Link>(address_, watch_);
  ask_on_link();
}

}  // namespace battery_twin::store

// The rendezvous store as Gloo sees it: a letter box. JavaScript carries what is set and brings what is waited for, so that
// any store serves, and none is a dependency.
#pragma once
#include <gloo/rendezvous/store.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace adjoint {

class Mailbox : public gloo::rendezvous::Store {
 public:
  // post(key, value): the value is to be set; with null, somebody waits for it.
  using Post = std::function<void(const std::string& key, const std::vector<char>* value)>;
  explicit Mailbox(Post post) : post_(std::move(post)) {}

  // Gloo's first call, after it has made all connections' objects: from here on they may be aborted.
  void set(const std::string& key, const std::vector<char>& value) override {
    published = true;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!problem_.empty()) throw std::runtime_error(problem_);
    }
    post_(key, &value);
  }

  std::vector<char> get(const std::string& key) override {
    std::lock_guard<std::mutex> lock(mutex_);
    return values_[key];
  }

  void wait(const std::vector<std::string>& keys) override { wait(keys, kDefaultTimeout); }

  void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) override {
    for (const std::string& key : keys) post_(key, nullptr);
    std::unique_lock<std::mutex> lock(mutex_);
    std::string missing;
    const auto isThere = [&] {
      missing.clear();
      for (const std::string& key : keys) {
        if (values_.count(key) == 0) missing = key;
      }
      return missing.empty() || !problem_.empty();
    };
    const bool answered = changed_.wait_for(lock, timeout, isThere);
    if (!problem_.empty()) throw std::runtime_error(problem_);
    if (!answered) throw std::runtime_error("timeout: nothing in the store from rank " + missing);
  }

  std::atomic<bool> published{false};

  // From JavaScript: what was waited for, or why it will not come.
  void provide(const std::string& key, std::vector<char> value) {
    std::lock_guard<std::mutex> lock(mutex_);
    values_[key] = std::move(value);
    changed_.notify_all();
  }
  void fail(const std::string& problem) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (problem_.empty()) problem_ = problem;
    changed_.notify_all();
  }

 private:
  const Post post_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<char>> values_;
  std::string problem_;
};

}  // namespace adjoint

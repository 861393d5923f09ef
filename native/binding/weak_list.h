// Weak references to JavaScript objects: a WeakRef would keep each alive until the event loop turns.
#pragma once
#include <node_api.h>

#include <algorithm>
#include <vector>

namespace adjoint {

class WeakList {
 public:
  explicit WeakList(napi_env env) : env_(env) {}
  ~WeakList() {
    for (napi_ref reference : references_) napi_delete_reference(env_, reference);
  }
  WeakList(const WeakList&) = delete;
  WeakList& operator=(const WeakList&) = delete;

  bool add(napi_value object) {
    if (references_.size() >= due_) {
      forEach([](napi_value) {});
      due_ = std::max<size_t>(1000, 2 * references_.size());
    }
    napi_ref reference = nullptr;
    if (napi_create_reference(env_, object, 0, &reference) != napi_ok) return false;
    references_.push_back(reference);
    return true;
  }

  // Calls use(object) for each live one, in the order in which they were added; forgets the others.
  template <typename Use>
  void forEach(Use use) {
    size_t kept = 0;
    for (napi_ref reference : references_) {
      napi_handle_scope scope = nullptr;
      napi_value object = nullptr;
      napi_open_handle_scope(env_, &scope);
      if (napi_get_reference_value(env_, reference, &object) == napi_ok && object != nullptr) {
        use(object);
        references_[kept++] = reference;
      } else {
        napi_delete_reference(env_, reference);
      }
      napi_close_handle_scope(env_, scope);
    }
    references_.resize(kept);
  }

 private:
  napi_env env_;
  std::vector<napi_ref> references_;
  size_t due_ = 1000;  // with this many objects, the lost ones are forgotten
};

}  // namespace adjoint

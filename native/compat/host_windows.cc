// A DLL names the file that each of its imports is in, but the program that loads the addon has any name: node.exe,
// electron.exe, or that of a single executable. Therefore Node-API is looked up in it, before anything else runs.
#include "host_windows.h"

#include <initializer_list>

#include "node_api.inc"

// The pointers that calls of imported functions go through.
#define POINTER(name)                                         \
  extern "C" FARPROC imported_##name __asm__("__imp_" #name); \
  FARPROC imported_##name;
ADJOINT_NODE_API(POINTER)

namespace adjoint {
namespace {

intptr_t (*osHandle)(int) = nullptr;

__attribute__((constructor(101))) void findHost() {
  HMODULE host = GetModuleHandleW(nullptr);
  for (const wchar_t* library : {L"node.dll", L"libnode.dll"}) {
    if (GetProcAddress(host, "napi_create_function")) break;
    if (const HMODULE found = GetModuleHandleW(library)) host = found;
  }
#define FIND(name) imported_##name = GetProcAddress(host, #name);
  ADJOINT_NODE_API(FIND)
  osHandle = reinterpret_cast<intptr_t (*)(int)>(reinterpret_cast<void*>(GetProcAddress(host, "uv_get_osfhandle")));
  // A worker that ends must not unload code that pool threads run (-z nodelete elsewhere).
  HMODULE self = nullptr;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     reinterpret_cast<LPCWSTR>(&findHost), &self);
}

}  // namespace

HANDLE handleOf(int descriptor) {
  return osHandle ? reinterpret_cast<HANDLE>(osHandle(descriptor)) : INVALID_HANDLE_VALUE;
}

}  // namespace adjoint

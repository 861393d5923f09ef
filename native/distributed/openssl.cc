#include <dlfcn.h>
#include <gloo/transport/tcp/tls/openssl.h>

#include <stdexcept>
#include <string>

namespace _glootls {
namespace {

// Node.js's own OpenSSL; a system's where Node.js was built to share that.
void* find(const char* name) {
  void* function = dlsym(RTLD_DEFAULT, name);
  if (function == nullptr) {
    static void* const library = dlopen("libssl.so.3", RTLD_LOCAL | RTLD_NOW);
    if (library != nullptr) function = dlsym(library, name);
  }
  if (function == nullptr) throw std::runtime_error(std::string("this Node.js exports no OpenSSL: ") + name);
  return function;
}

}  // namespace

#define CALL(name, ...)                                                        \
  static const auto function = reinterpret_cast<decltype(&name)>(find(#name)); \
  return function(__VA_ARGS__)

void ERR_print_errors_cb(int (*callback)(const char*, size_t, void*), void* data) {
  CALL(ERR_print_errors_cb, callback, data);
}
int OPENSSL_init_ssl(uint64_t options, const OPENSSL_INIT_SETTINGS* settings) {
  CALL(OPENSSL_init_ssl, options, settings);
}
const SSL_METHOD* TLS_method() { CALL(TLS_method); }
SSL_CTX* SSL_CTX_new(const SSL_METHOD* method) { CALL(SSL_CTX_new, method); }
void SSL_CTX_free(SSL_CTX* context) { CALL(SSL_CTX_free, context); }
long SSL_CTX_ctrl(SSL_CTX* context, int command, long number, void* pointer) {
  CALL(SSL_CTX_ctrl, context, command, number, pointer);
}
unsigned long SSL_CTX_clear_options(SSL_CTX* context, unsigned long options) {
  CALL(SSL_CTX_clear_options, context, options);
}
void SSL_CTX_set_verify_depth(SSL_CTX* context, int depth) { CALL(SSL_CTX_set_verify_depth, context, depth); }
void SSL_CTX_set_security_level(SSL_CTX* context, int level) { CALL(SSL_CTX_set_security_level, context, level); }
int SSL_CTX_load_verify_locations(SSL_CTX* context, const char* file, const char* folder) {
  CALL(SSL_CTX_load_verify_locations, context, file, folder);
}
int SSL_CTX_use_certificate_chain_file(SSL_CTX* context, const char* file) {
  CALL(SSL_CTX_use_certificate_chain_file, context, file);
}
int SSL_CTX_use_PrivateKey_file(SSL_CTX* context, const char* file, int type) {
  CALL(SSL_CTX_use_PrivateKey_file, context, file, type);
}
int SSL_CTX_check_private_key(const SSL_CTX* context) { CALL(SSL_CTX_check_private_key, context); }
void SSL_CTX_set_verify(SSL_CTX* context, int mode, SSL_verify_cb callback) {
  CALL(SSL_CTX_set_verify, context, mode, callback);
}
int SSL_do_handshake(SSL* ssl) { CALL(SSL_do_handshake, ssl); }
int SSL_get_error(const SSL* ssl, int result) { CALL(SSL_get_error, ssl, result); }
int SSL_write(SSL* ssl, const void* data, int bytes) { CALL(SSL_write, ssl, data, bytes); }
int SSL_read(SSL* ssl, void* data, int bytes) { CALL(SSL_read, ssl, data, bytes); }
SSL* SSL_new(SSL_CTX* context) { CALL(SSL_new, context); }
int SSL_set_fd(SSL* ssl, int descriptor) { CALL(SSL_set_fd, ssl, descriptor); }
void SSL_set_connect_state(SSL* ssl) { CALL(SSL_set_connect_state, ssl); }
void SSL_set_accept_state(SSL* ssl) { CALL(SSL_set_accept_state, ssl); }
int SSL_shutdown(SSL* ssl) { CALL(SSL_shutdown, ssl); }
void SSL_free(SSL* ssl) { CALL(SSL_free, ssl); }

}  // namespace _glootls
